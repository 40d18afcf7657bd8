"""What the real openstacksdk makes of scenes: a JSON object a line on stdin, a JSON object a line on stdout.

Each scene has a process of its own, since the library looks at the directory, the home and the environment when it is loaded.
"""
import importlib
import json
import os
import sys
import warnings

import requests.utils
from keystoneauth1 import loading
from keystoneauth1.identity import generic
from openstack.config import loader

SERVICES = ('compute', 'identity', 'workflow', 'instance-ha')


class Sent(Exception):
    """The request for a token, in place of its answer."""


class Session:
    """Stands for the connection to Keystone."""

    def post(self, url, json, **_):
        raise Sent(url, json)


def token_request(auth):
    if isinstance(auth, generic.base.BaseGenericPlugin):
        url = auth.auth_url.rstrip('/')
        auth = auth.create_plugin(None, (3, 0), url if url.endswith('/v3') else url + '/v3')
    try:
        auth.get_auth_ref(Session())
    except Sent as sent:
        return sent.args[1]['auth']


def service(region, name):
    endpoint = region.get_endpoint(name)
    if name == 'identity' and not any(region._get_config(key, name) for key in ('endpoint_override', 'endpoint')):
        endpoint = None
    return {
        'endpoint': endpoint or None,
        'interface': (region.get_interface(name) or 'public').replace('URL', ''),
        'region': region.get_region_name(name) or None,
        'type': region.get_service_type(name),
        'name': region.get_service_name(name),
        'microversion': region._get_version_request(name, None).default_microversion,
    }


def read(scene):
    root = scene['root']
    os.chdir(scene['directory'])
    os.environ.clear()
    os.environ.update(scene['environment'], HOME=scene['home'])
    module = importlib.reload(loader)

    def moved(paths):
        # The machine's own /etc is none of the scene.
        return [root + path if path.startswith('/etc/') else path for path in paths]

    config = module.OpenStackConfig(
        config_files=moved(module.CONFIG_FILES),
        secure_files=moved(module.SECURE_FILES),
        vendor_files=moved(module.VENDOR_FILES),
    )
    wanted = {'region_name': scene['region']} if scene.get('region') else {}
    region = config.get_one(cloud=scene.get('cloud') or config.default_cloud, **wanted)
    auth_url = region.config['auth'].get('auth_url')
    verify, cert = region.get_requests_verify_args()
    certificate, key = cert if isinstance(cert, tuple) else (cert or None, None)
    absolute = lambda path: os.path.abspath(path) if path else None
    proxy = requests.utils.select_proxy(auth_url, requests.utils.get_environ_proxies(auth_url))
    return {
        'authUrl': auth_url.rstrip('/'),
        'token': token_request(region.get_auth()),
        'region': region.get_region_name() or None,
        'interface': (region.get_interface() or 'public').replace('URL', ''),
        'verify': absolute(verify) if isinstance(verify, str) else bool(verify),
        'cert': absolute(certificate),
        'key': absolute(key),
        'ipv4': bool(region.force_ipv4),
        'timeout': float(region.config['api_timeout']) if region.config.get('api_timeout') else None,
        'proxy': proxy,
        'services': {name: service(region, name) for name in SERVICES},
    }


def answer(scene):
    try:
        return {'read': read(scene)}
    except Exception as error:  # with any error the library does not read the scene
        return {'error': '%s: %s' % (type(error).__name__, error)}


warnings.simplefilter('ignore')
# The list of plugins is searched once, and not by each process.
loading.get_plugin_loader('password')
for line in sys.stdin:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, 'w') as pipe:
            pipe.write(json.dumps(answer(json.loads(line)), default=str))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        sys.stdout.write(pipe.read() + '\n')
    os.waitpid(child, 0)
