import manifest from '../../package.json' with { type: 'json' };

/** Of the release; every tool of the data plane reports it. */
export const version: string = manifest.version;
