package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// rawCommand as the first argument makes this program the yardstick's server.
const rawCommand = "raw-server"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == rawCommand {
		err = serveRaw(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A setting is what the flags say.
type setting struct {
	short  bool
	rounds int
	rows   *regexp.Regexp
	bin    string // the drive's program; built where empty
	before string // another build of the drive's program to compare with; none where empty
	tusd   string // tusd's program; built where empty
	dir    string // where data goes while it is measured
	out    string
	limit  time.Duration
	ceph   bool
	pprof  string // address of the drive's pprof; empty is off
}

func parse(args []string, errs io.Writer) (setting, error) {
	var s setting
	var rows string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errs)
	f.BoolVar(&s.short, "short", false, "a smoke test: small sizes, one round, under a minute")
	f.IntVar(&s.rounds, "rounds", 0, "rounds of each row; 5 where not given, 1 with -short")
	f.StringVar(&rows, "rows", "", "regular expression: only the rows whose names match")
	f.StringVar(&s.bin, "bin", "", "the drive's program; built where not given")
	f.StringVar(&s.before, "before", "", "an earlier build of the drive's program, to be measured beside it")
	f.StringVar(&s.tusd, "tusd", "", "tusd's program, or none; built where not given, but not with -short")
	f.StringVar(&s.dir, "dir", "", "folder for the data; the system's temporary folder where not given")
	f.StringVar(&s.out, "out", "bin/bench", "folder for table, JSON and chart")
	f.DurationVar(&s.limit, "limit", 13*time.Minute, "after which no row begins another round")
	f.BoolVar(&s.ceph, "ceph", false, "the rows at an object store instead of the others: each has a private Ceph, of Debian's packages")
	f.StringVar(&s.pprof, "pprof", "", "address on which the drive offers pprof meanwhile")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.rounds <= 0 {
		s.rounds = 5
		if s.short {
			s.rounds = 1
		}
	}
	var err error
	s.rows, err = regexp.Compile(rows)
	return s, err
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	s, err := parse(args, errs)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(s.dir, "blinkdrive-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{setting: s, dir: dir, log: errs, began: time.Now()}
	if b.peers, err = b.findPeers(ctx); err != nil {
		return err
	}
	b.began = time.Now() // building is not measuring
	rep := newReport(b)
	for i, r := range chosen(s) {
		res, err := b.row(ctx, r, i)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		rep.Rows = append(rep.Rows, res)
	}
	rep.finish(time.Since(b.began))
	fmt.Fprint(out, rep.markdown())
	return rep.save(s.out)
}

func chosen(s setting) []row {
	var list []row
	for _, r := range rows(s.short, s.ceph) {
		if s.rows.MatchString(r.name) && (!r.slow || s.rows.String() != "") {
			list = append(list, r)
		}
	}
	return list
}

// save writes the report in its three forms.
func (r *report) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := r.json()
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		"bench.md": []byte(r.markdown()), "bench.json": text, "bench.svg": r.chart(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
