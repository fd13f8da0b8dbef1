/** What a page that shows an error is called, in words for people. */
export function errorTitle(status: number, code: string): string {
  if (code === 'https_required') return 'This page needs HTTPS';
  switch (status) {
    case 401:
      return 'Not logged in';
    case 403:
      return 'Not allowed';
    case 404:
      return 'Not found';
    case 503:
      return 'Not available now';
    default:
      return status < 500 ? 'This request was refused' : 'Something failed';
  }
}
