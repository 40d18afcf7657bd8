/** The domains of the lab: as Nova writes them, with a guest that fails on request. */
import type { LinuxGuest } from './linux_guest.ts';

export interface DomainOptions {
  readonly onCrash?: 'destroy' | 'restart' | 'preserve';
  readonly watchdog?: 'reset' | 'pause' | 'poweroff' | 'none';
  /** A second disk that is too small for what the guest writes to it. */
  readonly disk?: { readonly path: string; readonly onError: 'enospace' | 'report' };
  readonly maker?: 'nova' | 'another tool';
  /** Instead of the small guest one that has an agent; its channel is where Nova has it. */
  readonly linux?: LinuxGuest;
}

/** Nova's form of a name: `instance-%08x`. */
export const domainName = (number: number): string => `instance-${number.toString(16).padStart(8, '0')}`;

export const domainUuid = (number: number): string =>
  `11111111-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;

const NOVA_METADATA = `
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name>guest</nova:name>
    </nova:instance>
  </metadata>`;

function diskXml(disk: DomainOptions['disk']): string {
  if (disk === undefined) return '';
  return `
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' error_policy='${disk.onError}'/>
      <source file='${disk.path}'/><target dev='vdb' bus='virtio'/><boot order='2'/>
    </disk>`;
}

function bootXml(linux: LinuxGuest | undefined): string {
  if (linux === undefined) return '';
  return `<kernel>${linux.kernel}</kernel><initrd>${linux.initrd}</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 tsc=reliable</cmdline>`;
}

function agentXml(number: number, linux: LinuxGuest | undefined): string {
  if (linux === undefined) return '';
  return `
    <channel type='unix'>
      <source mode='bind' path='/var/lib/libvirt/qemu/org.qemu.guest_agent.0.${domainName(number)}.sock'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>`;
}

export function domainXml(number: number, image: string, serial: string, options: DomainOptions = {}): string {
  const { onCrash = 'destroy', watchdog = 'reset', disk, maker = 'nova', linux } = options;
  return `<domain type='qemu'>
  <name>${domainName(number)}</name><uuid>${domainUuid(number)}</uuid>${maker === 'nova' ? NOVA_METADATA : ''}
  <memory unit='MiB'>${linux === undefined ? 16 : 160}</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>${bootXml(linux)}</os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>${onCrash}</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='${image}'/><target dev='vda' bus='virtio'/><readonly/><boot order='1'/>
    </disk>${diskXml(disk)}${agentXml(number, linux)}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='unix'><source mode='bind' path='${serial}'/><target port='0'/></serial>
    <panic model='isa'/>
    <watchdog model='i6300esb' action='${watchdog}'/>
  </devices>
  <seclabel type='none'/>
</domain>
`;
}
