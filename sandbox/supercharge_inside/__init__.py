"""What runs inside the sandbox: the standard library and pytest only, nothing of the plugin."""
