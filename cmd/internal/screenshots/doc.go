// Command screenshots takes the pictures of the page that README and docs show. It starts a throw-away server, fills a drive
// with invented content, uploads through a real Chromium, and takes the picture while a film is on its way.
package main
