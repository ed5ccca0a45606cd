// JavaScript's text decoder drops a byte order mark at the beginning of a text,
// and with it that of a cell. The readers here are to show what is in the file,
// so this comes before them.
globalThis.TextDecoder = class extends TextDecoder {
  constructor(label, options) {
    super(label, { ...options, ignoreBOM: true });
  }
};
