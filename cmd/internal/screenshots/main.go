package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

const most = 200_000 // bytes of a picture

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bin := flag.String("bin", "", "the server's program; built if not given")
	out := flag.String("out", "docs", "folder for the pictures")
	flag.Parse()
	if err := run(ctx, *bin, *out); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin, out string) error {
	dir, err := os.MkdirTemp("", "blinkdrive-screenshots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, s := range scenes() {
		picture, err := s.take(ctx, bin, filepath.Join(dir, s.language))
		if err != nil {
			return fmt.Errorf("%s: %w", s.picture, err)
		}
		if len(picture) > most {
			return fmt.Errorf("%s: %d bytes are more than a README should load (%d)", s.picture, len(picture), most)
		}
		name := filepath.Join(out, s.picture)
		if err := os.WriteFile(name, picture, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes\n", name, len(picture))
	}
	return nil
}
