export { hashOfSecret, hashSecret, newSecret, secretsEqual } from './secrets.ts';
