"""Nova's fake driver, with what a hypervisor has and tests need.

What is defined on a host is still defined after a restart. The fake driver keeps its instances in memory: a host that
came back would have none, could not start what was left on it, and would have nothing to clean up of what was
evacuated. Here each instance is also a file `domains/<uuid>` in the host's folder: its name, and in a second line its
power state as Nova numbers it. After a restart they are there and powered off, as libvirt's are after a power cut.

An instance that was migrated live is no longer on the host that it left.

Copying takes time and can fail. What a host copies (the image of an instance that it makes or makes anew, the disk or
the memory of one that leaves it) waits while the file `copies` in the host's folder says `wait`, and fails while it says
`fail`.
"""
import os
import time

from nova.compute import power_state
import nova.conf
from nova import exception
from nova.virt import fake


class Domain(fake.FakeInstance):
    """An instance whose file, once it has one, follows its power state."""

    file = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if self.file and name in ('state', 'file'):
            # At once: a test never reads half a file.
            with open(self.file + '.new', 'w') as file:
                file.write('%s\n%s\n' % (self.name, self.state))
            os.rename(self.file + '.new', self.file)


# The driver makes its instances by this name.
fake.FakeInstance = Domain


class Definitions(dict):
    """The driver's instances by uuid, kept in a folder."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        for uuid in os.listdir(folder):
            if uuid.endswith('.new'):
                os.unlink(os.path.join(folder, uuid))
                continue
            with open(os.path.join(folder, uuid)) as file:
                self[uuid] = Domain(file.readline().strip(), power_state.SHUTDOWN, uuid)

    def __setitem__(self, uuid, instance):
        super().__setitem__(uuid, instance)
        instance.file = os.path.join(self.folder, uuid)

    def __delitem__(self, uuid):
        self[uuid].file = None
        super().__delitem__(uuid)
        os.unlink(os.path.join(self.folder, uuid))


def copies():
    try:
        with open(os.path.join(nova.conf.CONF.state_path, 'copies')) as file:
            return file.read()
    except FileNotFoundError:
        return 'work'


def copy():
    """Whether it went well. Nova's threads are green: the others go on."""
    while copies() == 'wait':
        time.sleep(0.1)
    return copies() != 'fail'


class LabDriver(fake.FakeDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.instances = Definitions(os.path.join(nova.conf.CONF.state_path, 'domains'))

    def spawn(self, context, instance, *args, **kwargs):
        if not copy():
            raise exception.ImageUnacceptable(image_id=instance.image_ref, reason='the lab was told that copies fail')
        super().spawn(context, instance, *args, **kwargs)

    def live_migration(self, context, instance, dest, post_method, recover_method, block_migration=False,
                       migrate_data=None):
        if copy():
            post_method(context, instance, dest, block_migration, migrate_data)
        else:
            # As the libvirt driver ends a job that failed.
            recover_method(context, instance, dest, migrate_data)

    def post_live_migration(self, context, instance, block_device_info, migrate_data=None):
        self.destroy(context, instance, network_info=None, block_device_info=block_device_info)

    def migrate_disk_and_power_off(self, context, instance, dest, flavor, network_info, block_device_info=None,
                                   timeout=0, retry_interval=0):
        self.power_off(instance)
        if not copy():
            raise exception.ResizeError(reason='the lab was told that copies fail')
