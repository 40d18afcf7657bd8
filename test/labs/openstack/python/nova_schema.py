"""Makes Nova's databases: nova_schema.py CONFIG_FILE.

The same as these four commands, in one process instead of four that each load all of Nova first:

    nova-manage api_db sync
    nova-manage cell_v2 map_cell0 --database_connection …
    nova-manage db sync
    nova-manage cell_v2 create_cell --name cell1
"""
import sys

from nova import config
from nova.cmd import manage
import nova.conf


def main():
    config.parse_args(['nova-manage', '--config-file', sys.argv[1]])
    cells = manage.CellV2Commands()
    cell0 = nova.conf.CONF.database.connection.replace('/nova', '/nova_cell0')
    steps = (
        manage.ApiDbCommands().sync,
        lambda: cells.map_cell0(database_connection=cell0),
        manage.DbCommands().sync,
        lambda: cells.create_cell(name='cell1'),
    )
    for step in steps:
        code = step()
        if code:
            sys.exit('Step %s ended with %s' % (steps.index(step) + 1, code))


if __name__ == '__main__':
    main()
