export { checkOrigin, createCsrf, csrfErrors } from './csrf.ts';
export type { Csrf } from './csrf.ts';
