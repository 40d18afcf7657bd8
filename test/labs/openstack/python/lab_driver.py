"""Nova's fake driver, with one thing that a hypervisor has: what is defined on a host is still defined after a restart.

The fake driver keeps its instances in memory: a host that came back would have none, could not start what was left on
it, and would have nothing to clean up of what was evacuated. Here each instance is also a file `domains/<uuid>` in the
host's folder. After a restart they are there and powered off, as libvirt's are after a power cut.
"""
import os

from nova.compute import power_state
import nova.conf
from nova.virt import fake


class Definitions(dict):
    """The driver's instances by uuid, kept in a folder."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        for uuid in os.listdir(folder):
            with open(os.path.join(folder, uuid)) as file:
                super().__setitem__(uuid, fake.FakeInstance(file.read(), power_state.SHUTDOWN, uuid))

    def __setitem__(self, uuid, instance):
        super().__setitem__(uuid, instance)
        with open(os.path.join(self.folder, uuid), 'w') as file:
            file.write(instance.name)

    def __delitem__(self, uuid):
        super().__delitem__(uuid)
        os.unlink(os.path.join(self.folder, uuid))


class LabDriver(fake.FakeDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.instances = Definitions(os.path.join(nova.conf.CONF.state_path, 'domains'))
