package setup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/store"
)

// What the data folder holds besides staging, blobs and objects.
const (
	lockFile     = "lock"
	nodeFile     = "node"
	secretFile   = "secret"
	databaseFile = "blinkdrive.db"
)

// lockPatience is how long a lock is waited for: commands hold it for moments only.
const lockPatience = time.Second

// ErrInUse: another process works on the data folder.
var ErrInUse = errors.New("the data folder is in use")

// Exists returns an error that says so where the data folder holds no drive yet. With MySQL the folder may be elsewhere.
func Exists(cfg config.Config) error {
	if cfg.MySQL() {
		return nil
	}
	_, err := os.Stat(filepath.Join(cfg.Data, databaseFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no drive in %s yet; set BLINKDRIVE_DATA to another folder, or create a drive with blinkdrive serve", cfg.Data)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// Lock makes the data folder where needed and locks it against all other processes until the lock is closed.
// ErrInUse. A process that dies gives it up.
func Lock(ctx context.Context, data string) (io.Closer, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(data, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	for end := time.Now().Add(lockPatience); ; {
		err = flock(f)
		if !errors.Is(err, errLocked) || time.Now().After(end) || pause(ctx, 10*time.Millisecond) != nil {
			break
		}
	}
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%w: %s is locked by %s; stop it, or set BLINKDRIVE_DATA to another folder", ErrInUse, data, holder(f))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder: %w", err), f.Close())
	}
	return f, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sign writes into the lock file who has it. It is only for the message to others.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 20))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

// identity returns the node's name and the secret: as configured, else as kept in the data folder, else new ones,
// which are then kept there.
func identity(cfg config.Config) (store.NodeID, []byte, error) {
	node, err := kept(cfg.Data, nodeFile, func() string {
		if cfg.Node != "" {
			return cfg.Node
		}
		return string(store.NewNodeID())
	})
	if err != nil {
		return "", nil, err
	}
	if cfg.Node != "" && node != cfg.Node {
		// Its blobs are known to the database as those of the node that they were made on.
		return "", nil, fmt.Errorf("the data folder %s belongs to node %s, not %s; change BLINKDRIVE_NODE, or set BLINKDRIVE_DATA to another folder", cfg.Data, node, cfg.Node)
	}
	id, err := store.ParseNodeID(node)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", filepath.Join(cfg.Data, nodeFile), err)
	}
	if cfg.Secret != "" {
		return id, []byte(cfg.Secret), nil
	}
	secret, err := kept(cfg.Data, secretFile, newSecret)
	if err == nil && len(secret) < 32 {
		err = fmt.Errorf("%s must have at least 32 characters", filepath.Join(cfg.Data, secretFile))
	}
	return id, []byte(secret), err
}

func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// kept reads a value from the data folder, making it where there is none.
func kept(data, name string, make func() string) (string, error) {
	file := filepath.Join(data, name)
	b, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data folder: %w", err)
	}
	value := make()
	if err := renameio.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return value, nil
}
