// Package disk keeps staging and blobs on a local disk: the truth about which chunks of an unfinished upload are held,
// and stored content as files that are written once.
//
// # Layout
//
// All paths are below an os.Root, so that no name can lead out of it:
//
//	staging/UPLOADID/upload.json  the layout of the upload
//	staging/UPLOADID/data         its bytes, space reserved at the start, each chunk at its final offset
//	staging/UPLOADID/chunks       the journal, see journal.go
//	staging/UPLOADID              where it is a file: one of a form, which cannot be resumed
//	blobs/ab/cd/DIGEST-UPLOADID   stored content, a hard link to what was data
//	objects/ab/cd/…               the embedded object store, in a root of its own
//
// # Durability
//
// A chunk is acknowledged when its bytes and its journal record have been written to the kernel: a killed process
// loses neither. A few seconds later both are synced, and the journal notes up to where. After a reboot (another boot
// ID in the journal) what came after that note is read again and compared with its CRC-32C; chunks that fail are
// dropped and asked for again. Bytes that become a blob are synced before they get its name, and the folder after.
// After a failed sync the upload's staging is thrown away, since a second sync may succeed without the data.
//
// An upload's digest is not in the journal: tbl_upload has it, durably, before anything can depend on it.
//
// The package must not know users, quotas, SQL or HTTP.
package disk
