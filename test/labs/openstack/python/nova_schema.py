"""Makes Nova's databases: nova_schema.py CONFIG_FILE [CONFIG_FILE_OF_A_SECOND_CELL].

The same as these four commands, in one process instead of four that each load all of Nova first:

    nova-manage api_db sync
    nova-manage cell_v2 map_cell0 --database_connection …
    nova-manage db sync
    nova-manage cell_v2 create_cell --name cell1

and for a second cell, whose file has its database and its message queue:

    nova-manage cell_v2 create_cell --name cell2 --database_connection … --transport-url …
    nova-manage --config-file CONFIG_FILE --config-file CONFIG_FILE_OF_A_SECOND_CELL db sync --local_cell
"""
import sys

from oslo_config import cfg

from nova import config
from nova import context
from nova.cmd import manage
import nova.conf
from nova.db import migration
from nova import objects


def second_cell(file):
    """Its database and message queue, as its file has them."""
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt('transport_url'))
    conf.register_opt(cfg.StrOpt('connection'), group='database')
    conf(['--config-file', file], project='cell', default_config_files=[], default_config_dirs=[])
    return conf.database.connection, conf.transport_url


def create_second_cell(cells, file):
    database, transport = second_cell(file)
    code = cells.create_cell(name='cell2', database_connection=database, transport_url=transport)
    if code:
        return code
    admin = context.get_admin_context()
    mapping = next(one for one in objects.CellMappingList.get_all(admin) if one.name == 'cell2')
    with context.target_cell(admin, mapping) as targeted:
        migration.db_sync(context=targeted)


def main():
    config.parse_args(['nova-manage', '--config-file', sys.argv[1]])
    cells = manage.CellV2Commands()
    cell0 = nova.conf.CONF.database.connection.replace('/nova', '/nova_cell0')
    steps = (
        manage.ApiDbCommands().sync,
        lambda: cells.map_cell0(database_connection=cell0),
        manage.DbCommands().sync,
        lambda: cells.create_cell(name='cell1'),
        *((lambda file=file: create_second_cell(cells, file)) for file in sys.argv[2:]),
    )
    for step in steps:
        code = step()
        if code:
            sys.exit('Step %s ended with %s' % (steps.index(step) + 1, code))


if __name__ == '__main__':
    main()
