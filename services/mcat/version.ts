import manifest from '../../package.json' with { type: 'json' };

/** Of the release. */
export const version: string = manifest.version;
