// Does wrong in every way that the probe is to see.
setTimeout(() => {
  throw new Error('thrown on purpose');
});
Promise.reject(new Error('rejected on purpose'));
console.error('said on purpose');
alert('asked on purpose');
const link = document.createElement('a');
link.setAttribute('onclick', 'inline()');
document.body.append(link);
link.click();
