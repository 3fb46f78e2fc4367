"""What every folder of tests shares; that it is here puts this folder on the import path."""

from __future__ import annotations

import signal

# A shell that starts a script in the background has it ignore Ctrl-C, and all its children too;
# tests that press it need it heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
