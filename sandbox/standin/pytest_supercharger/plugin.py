"""Nothing: for a project that names the plugin in ``pytest_plugins``."""
