let dateText = '';
let dateSecond = 0;

/** RFC 9110 §6.6.1, for backends that leave it out. Made once a second. */
export function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
