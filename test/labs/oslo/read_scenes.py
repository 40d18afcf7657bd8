"""What the real Masakari makes of scenes: a JSON object a line on stdin, a JSON object a line on stdout.

The first argument is `engine` or `monitors`. Each scene has a process of its own, since the options have one place in a process.
The request `{"registry": true}` returns what the program registers.
"""
import importlib
import json
import os
import sys
import warnings

warnings.simplefilter('ignore')

from oslo_config import cfg  # noqa: E402

MODULES = {
    'engine': ('masakari', ['masakari.engine.manager', 'masakari.engine.drivers.taskflow.driver', 'masakari.service']),
    'monitors': ('masakarimonitors', [
        'masakarimonitors.service', 'masakarimonitors.hostmonitor.host', 'masakarimonitors.processmonitor.process',
        'masakarimonitors.instancemonitor.instance', 'masakarimonitors.introspectiveinstancemonitor.instance']),
}
NO_START = {'engine': {'configure_db': False, 'init_rpc': False}, 'monitors': {}}
program = sys.argv[1]
package, modules = MODULES[program]
config = importlib.import_module(package + '.config')
for module in modules:
    importlib.import_module(module)
CONF = cfg.CONF


def parse(scene):
    os.environ['HOME'] = scene['home']
    os.chdir(scene['home'])
    config.parse_args([program] + scene['arguments'], **NO_START[program])


def register_messaging():
    """The engine does so when it connects; what it connects to is none of the scene."""
    if program == 'engine':
        from masakari import rpc
        parse({'home': '/', 'arguments': ['--config-file', '/dev/null']})
        rpc.init(CONF)
        CONF.reset()


def options_of(section):
    """The options that the program registers in a section; the library has no public name for that."""
    if section == 'DEFAULT':
        return CONF._opts
    return CONF._groups[section]._opts if section in CONF._groups else {}


def value_of(section, name):
    try:
        return {'value': getattr(CONF if section == 'DEFAULT' else getattr(CONF, section), name)}
    except Exception as error:  # with any error Masakari has no value
        return {'error': '%s: %s' % (type(error).__name__, error)}


def read(scene):
    try:
        parse(scene)
    except (Exception, SystemExit) as error:
        return {'error': '%s: %s' % (type(error).__name__, error)}
    return {'values': {'%s.%s' % (section, name): value_of(section, name)
                       for section, name in scene['options'] if name in options_of(section)}}


def registry():
    parse({'home': '/', 'arguments': ['--config-file', '/dev/null']})
    found = []
    for info, group in CONF._all_opt_infos():
        option = info['opt']
        found.append({
            'section': group.name if group else 'DEFAULT',
            'name': option.dest,
            'type': type(option.type).__name__,
            'secret': option.secret,
            'multi': option.multi,
            'default': None if option.default is None else str(option.default),
            'old': ['%s.%s' % (old.group or (group.name if group else 'DEFAULT'), (old.name or option.dest).replace('-', '_'))
                    for old in option.deprecated_opts],
        })
    return {'registry': found}


register_messaging()
for line in sys.stdin:
    request = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        # argparse explains itself on stderr.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        answer = registry() if 'registry' in request else read(request)
        with os.fdopen(writing, 'w') as pipe:
            pipe.write(json.dumps(answer, default=str))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        sys.stdout.write(pipe.read() + '\n')
    os.waitpid(child, 0)
