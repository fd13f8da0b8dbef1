/** The first five bytes of a version 1 header (proxy-protocol.txt §2.1). */
export const V1_SIGNATURE: Uint8Array = Buffer.from('PROXY', 'latin1');

/** The first twelve bytes of a version 2 header (proxy-protocol.txt §2.2). */
export const V2_SIGNATURE: Uint8Array = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
