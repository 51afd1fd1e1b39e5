// What a file is to a person, judged by its name, and how it can be looked at. The drive serves a few types as what they
// are and everything else as mere bytes; the page shows nothing that could run script: pictures only in an img, which
// never runs any, and text only as text.

const EXTENSIONS = {
  image: 'png jpg jpeg gif webp avif bmp ico svg heic heif tif tiff',
  video: 'mp4 m4v webm mov mkv avi',
  audio: 'mp3 m4a ogg oga opus wav flac',
  pdf: 'pdf',
  text: 'txt log md markdown csv tsv json jsonl xml yaml yml toml ini conf cfg env diff patch srt vtt tex rst ' +
    'html htm css js mjs ts tsx jsx go rs c h cc cpp hpp java kt swift py rb php pl lua sh bash zsh bat ps1 sql proto ' +
    'graphql vue makefile dockerfile gitignore license readme',
  archive: 'zip tar gz tgz bz2 xz zst 7z rar jar iso dmg',
  document: 'doc docx odt rtf pages',
  sheet: 'xls xlsx ods numbers',
  slides: 'ppt pptx odp key',
};

const kinds = new Map(Object.entries(EXTENSIONS).flatMap(([kind, list]) => list.split(' ').map((ext) => [ext, kind])));

// Pictures that the drive serves as such; the others are fetched and named by the page.
const SERVED = new Set(['png', 'jpg', 'jpeg', 'gif', 'webp']);
const PICTURE_TYPES = { svg: 'image/svg+xml', avif: 'image/avif', bmp: 'image/bmp', ico: 'image/x-icon' };

export function extension(name) {
  const dot = name.lastIndexOf('.');
  return (dot >= 0 ? name.slice(dot + 1) : name).toLowerCase();
}

// kindOf returns folder, image, video, audio, pdf, text, archive, document, sheet, slides or file.
export function kindOf({ Kind, FileName }) {
  return Kind === 'folder' ? 'folder' : kinds.get(extension(FileName)) ?? 'file';
}

// pictureType is the type that a picture must be given by the page; undefined: the drive serves it as one.
export function pictureType(name) {
  return SERVED.has(extension(name)) ? undefined : PICTURE_TYPES[extension(name)];
}

const THUMBNAIL_LIMIT = 64 << 20; // the drive decodes no larger picture

export function hasThumbnail(entry) {
  return SERVED.has(extension(entry.FileName)) && entry.FileSize > 0 && entry.FileSize <= THUMBNAIL_LIMIT;
}
