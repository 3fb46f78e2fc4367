"""What does the user see of a run, and in which form?"""
