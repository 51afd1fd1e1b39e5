// Tells the pages of one browser which uploads are worked on, so that no two of them do by themselves.

export class UploadLocks {
  // manager is navigator.locks, or null where there is none.
  constructor(manager = null) {
    this.manager = manager;
  }

  // hold says that an upload is worked on here, until the returned function is called.
  hold(uploadId) {
    let release = () => {};
    const held = new Promise((resolve) => {
      release = resolve;
    });
    this.manager?.request(nameOf(uploadId), { ifAvailable: true }, () => held).catch(() => {});
    return release;
  }

  // elsewhere reports whether any page works on an upload.
  async elsewhere(uploadId) {
    const { held = [] } = (await this.manager?.query().catch(() => null)) ?? {};
    return held.some(({ name }) => name === nameOf(uploadId));
  }
}

function nameOf(uploadId) {
  return `blinkdrive upload ${uploadId}`;
}
