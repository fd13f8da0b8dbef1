import { formatIp, type SocketAddress } from '../net/address.ts';
import type { Hostname } from '../net/hostname.ts';
import type { Arrival, RelayHandle } from '../native/native.ts';
import type { ConnectionInfo } from './report.ts';

/** A connection on its way through the pipeline: what the steps so far found out. */
export interface Passage {
  readonly id: string;
  readonly listener: string;
  readonly acceptedAt: number;
  readonly peer: SocketAddress;
  /** Where the client connected to; of the PROXY header where there is one. */
  local: SocketAddress;
  client: SocketAddress;
  proxied: boolean;
  viaId: string | null;
  /** True once the PROXY header step is settled (also where none is wanted). */
  headerSettled: boolean;
  headerBytes: number;
  admitted: boolean;
  /** True while a connection to a backend is counted for it. */
  dialed: boolean;
  /** True while it stands in the gauges. */
  counted: boolean;
  sni: Hostname | null;
  /** Set while a backend is being reached and after. */
  relay: RelayHandle | null;
}

export function beginPassage(id: string, listener: string, arrival: Arrival<Passage>): Passage {
  return {
    id,
    listener,
    acceptedAt: Date.now(),
    peer: arrival.peer,
    local: arrival.local,
    client: arrival.peer,
    proxied: false,
    viaId: null,
    headerSettled: false,
    headerBytes: 0,
    admitted: false,
    dialed: false,
    counted: false,
    sni: null,
    relay: null,
  };
}

export function connectionInfo(passage: Passage): ConnectionInfo {
  return {
    id: passage.id,
    listener: passage.listener,
    clientIp: formatIp(passage.client.ip),
    clientPort: passage.client.port,
    peerIp: formatIp(passage.peer.ip),
    localIp: formatIp(passage.local.ip),
    localPort: passage.local.port,
    proxied: passage.proxied,
    sni: passage.sni,
    viaId: passage.viaId,
    acceptedAt: passage.acceptedAt,
  };
}

/** Ids of the previous hop go into log lines; what isn't plain text goes there as hexadecimal digits. */
export function printableId(id: Uint8Array): string {
  const text = Buffer.from(id).toString('latin1');
  return /^[\x21-\x7e]+$/.test(text) ? text : Buffer.from(id).toString('hex');
}
