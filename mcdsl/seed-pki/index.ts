export { createSeedCa, loadSeedCa, type IssuedPair, type IssueOptions, type SeedCa } from './seed-ca.ts';
