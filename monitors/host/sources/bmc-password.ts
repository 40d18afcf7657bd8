/** The password of a BMC: from its own file, or from the inventory. */
import { readSecret } from '#config/document/secret-file.ts';

export function passwordOf(bmc: { readonly password?: string; readonly password_file?: string }): string {
  return bmc.password ?? readSecret(bmc.password_file ?? '', 'the password of a BMC');
}
