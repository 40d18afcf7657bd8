/** The namespaces of Nova's description of an instance in the metadata of its domain. */

/** The number of the format follows. */
export const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/';

/** Since Wallaby, and before. */
export const NOVA_NAMESPACES = [`${NOVA_NAMESPACE}1.1`, `${NOVA_NAMESPACE}1.0`];
