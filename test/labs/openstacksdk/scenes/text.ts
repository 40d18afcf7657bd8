/** Pieces of which the files of the scenes are written. */

export const AUTH = 'auth_url: "https://k.example:5000/v3", username: u, password: p, project_name: pr';
export const DOMAINS = 'user_domain_name: UD, project_domain_name: PD';
export const file = (cloud: string, rest = '') => `clouds:\n  one: { ${cloud} }\n${rest}`;
export const auth = (rest = DOMAINS) => `auth: { ${AUTH}, ${rest} }`;
export const here = (cloud: string, rest = '') => ({ 'here/clouds.yaml': file(cloud, rest) });
export const VARIABLES = {
  OS_AUTH_URL: 'https://env.example:5000/v3',
  OS_USERNAME: 'eu',
  OS_PASSWORD: 'ep',
  OS_PROJECT_NAME: 'epr',
  OS_USER_DOMAIN_NAME: 'Default',
  OS_PROJECT_DOMAIN_NAME: 'Default',
};
export const withoutPassword = auth().replace('password: p, ', '');
