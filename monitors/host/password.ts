/** The password of a management board: from its own file, or from the inventory. */
import { readSecret } from '#config/secret-file.ts';

export function passwordOf(board: { readonly password?: string; readonly password_file?: string }): string {
  return board.password ?? readSecret(board.password_file ?? '', 'the password of a management board');
}
