import { renderSVG } from 'uqr';

/** The QR code of an enrolment as an SVG document, for a page of ours or an application to show. */
export function qrSvg(text: string): string {
  return renderSVG(text);
}
