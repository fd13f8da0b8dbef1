import { readFile } from 'node:fs/promises';

/**
 * The number of a group given by name or number; null when there is none of that name. Read from the file itself: Node
 * has no lookup, and the container images have no getent.
 */
export async function groupId(group: string, file = '/etc/group'): Promise<number | null> {
  if (/^[0-9]{1,10}$/.test(group)) return Number(group);
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [name, , gid] = line.split(':');
    if (name === group && gid !== undefined && /^[0-9]+$/.test(gid)) return Number(gid);
  }
  return null;
}
