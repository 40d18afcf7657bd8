/** The examples of pipelines name files with secrets in comments: an example that comes without them is valid all the same. */
const OPTIONS = 'url_file|token_file|hmac_key_file|smtp_user|smtp_password_file';

/** The example with these options in place of the comments. */
export function withSecretFiles(example: string): string {
  return example
    .replaceAll(/^url = \S+\n(?=# url_file = )/gm, '')
    .replaceAll(new RegExp(`^# (${OPTIONS}) = `, 'gm'), '$1 = ');
}
