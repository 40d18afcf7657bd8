"""Glance's API as a WSGI program, which Debian's python3-glance does not bring; the folder of its configuration is in
OS_GLANCE_CONFIG_DIR."""
from glance.common import wsgi_app

application = wsgi_app.init_app()
