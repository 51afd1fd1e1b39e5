package disk

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/blinkdrive/blinkdrive/store"
)

// recover reads the journal. In the boot that wrote it all of it holds, since the kernel has every byte that was
// written. After a reboot only what was synced is sure, and the rest has to show its bytes.
func (u *upload) recover() error {
	j, err := replay(io.NewSectionReader(u.journal.file, 0, 1<<62), u.extent)
	if err != nil {
		return err
	}
	u.journal.end = j.end
	if err := u.journal.file.Truncate(j.end); err != nil {
		return fmt.Errorf("journal: could not truncate the incomplete last record: %w", err)
	}
	sameBoot := j.boot == u.staging.opts.BootID && j.boot != ""
	if !sameBoot {
		if err := u.recheck(j); err != nil {
			return err
		}
	}
	for _, c := range j.held {
		u.mark(c.Chunk)
	}
	// A state of bytes that are not held now would be a wrong digest: better to hash again.
	if n := len(j.checkpoints); n > 0 && j.checkpoints[n-1].offset <= u.prefixEnd() {
		u.follower.restore(j.checkpoints[n-1])
	}
	if sameBoot {
		return nil
	}
	return u.begin()
}

// recheck drops what a power cut has taken: chunks held after the last sync whose bytes fail their CRC, and the hash states
// of that time.
func (u *upload) recheck(j *replayed) error {
	j.checkpoints = slices.DeleteFunc(j.checkpoints, func(c checkpoint) bool { return c.at >= j.syncedTo })
	for index, c := range j.held {
		if c.at < j.syncedTo {
			continue
		}
		ok, err := u.crcHolds(c.Chunk)
		if err != nil {
			return err
		}
		if ok {
			continue
		}
		j.applyDrop(index, u.extent)
		if err := u.journal.drop(index); err != nil {
			return err
		}
		u.staging.opts.Log.Warn("chunk lost in a power cut; the client will send it again",
			"upload", u.id, "chunk", index)
	}
	return nil
}

func (u *upload) crcHolds(c store.Chunk) (bool, error) {
	offset, length := u.layout.Extent(c.Index)
	var sum chunkSum
	_, err := copyBlocks(context.Background(), io.NewSectionReader(u.data, offset, length), func(p []byte) error {
		sum.add(p)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("chunk %d: %w", c.Index, err)
	}
	return sum.crc == c.CRC, nil
}

// begin notes the new boot. What is held now was read from the disk, or is synced here, so all before it can be trusted.
func (u *upload) begin() error {
	if err := u.sync(); err != nil {
		return err
	}
	return u.journal.append(recordBoot, []byte(u.staging.opts.BootID))
}
