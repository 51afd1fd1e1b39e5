package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const password = "a picture needs one"

// A scene is one picture: whose drive, what is in it, and what is uploaded while the picture is taken.
type scene struct {
	language, picture string
	user, colleague   string
	folders           []file   // without content
	photos            []string // names of the landscapes
	photoDates        []string
	report, notes     string
	table, archive    string
	film              string // on its way
	known             string // the colleague has it already, so it is instant
	small             string
}

func scenes() []scene {
	const film = " 4K.mp4"
	return []scene{{
		language: "en", picture: "screenshot.png", user: "maya", colleague: "jonas",
		folders: []file{{name: "Documents", changed: "2026-11-18 09:12:00"}, {name: "Music", changed: "2026-08-02 17:40:00"},
			{name: "Photos", changed: "2026-11-21 20:05:00"}},
		photos:     []string{"Alps at dawn.jpg", "Green valley.jpg", "Night over the fjord.jpg", "Sandstone canyon.jpg"},
		photoDates: []string{"2026-10-04 06:31:00", "2026-06-14 11:20:00", "2026-09-19 21:48:00", "2026-05-23 15:02:00"},
		report:     "Annual report 2025.pdf", notes: "Meeting notes.md", table: "Budget 2026.csv", archive: "Website backup.zip",
		film: "Weekend in the mountains" + film, known: "Team handbook.pdf", small: "Packing list.txt",
	}, {
		language: "zh", picture: "screenshot-zh.png", user: "xiaoyu", colleague: "chenmo",
		folders: []file{{name: "文档", changed: "2026-11-18 09:12:00"}, {name: "照片", changed: "2026-11-21 20:05:00"},
			{name: "音乐", changed: "2026-08-02 17:40:00"}},
		photos:     []string{"川西日出.jpg", "春日山谷.jpg", "峡湾之夜.jpg", "丹霞地貌.jpg"},
		photoDates: []string{"2026-10-04 06:31:00", "2026-06-14 11:20:00", "2026-09-19 21:48:00", "2026-05-23 15:02:00"},
		report:     "2025 年度报告.pdf", notes: "会议记录.md", table: "2026 预算.csv", archive: "网站备份.zip",
		film: "周末登山" + film, known: "员工手册.pdf", small: "行李清单.txt",
	}}
}

// take starts a drive, fills it, and returns the picture as PNG.
func (s scene) take(ctx context.Context, bin, dir string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	drive, err := start(ctx, bin, dir)
	if err != nil {
		return nil, err
	}
	defer drive.Kill()
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, drive.URL, files); err != nil {
		return nil, err
	}
	dates := map[string]string{}
	for _, f := range append(files, s.folders...) {
		dates[f.name] = f.changed
	}
	front, err := newFront(drive.URL, dates)
	if err != nil {
		return nil, err
	}
	defer front.Close()
	return s.shoot(ctx, front.URL, dir)
}

func start(ctx context.Context, bin, dir string) (*testenv.Drive, error) {
	if bin == "" {
		var err error
		if bin, err = testenv.Build(ctx, dir); err != nil {
			return nil, err
		}
	}
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, err
	}
	return testenv.Start(ctx, testenv.Setting{Bin: bin, Data: filepath.Join(dir, "data"), Addr: addr, Log: io.Discard})
}

func (s scene) files() ([]file, error) {
	backup, err := archive("site.tar", 38<<20)
	if err != nil {
		return nil, err
	}
	photos, err := pictures(s.photos, s.photoDates)
	if err != nil {
		return nil, err
	}
	return append(photos,
		file{s.report, "2026-02-27 16:45:00", pdf("Annual report 2025", 2_300_000)},
		file{s.notes, "2026-11-24 10:30:00", bytes.Repeat([]byte("# Meeting notes\n\n- Move the archive to the object store\n- Next meeting on Monday\n\n"), 40)},
		file{s.table, "2026-11-12 13:55:00", table()},
		file{s.archive, "2026-11-01 03:00:00", backup},
	), nil
}

func (s scene) handbook() []byte { return pdf("Team handbook", 9_400_000) }

// fill signs two people up: the one whose drive is shown, and one who has already what the first will upload.
func (s scene) fill(ctx context.Context, url string, files []file) error {
	_, err := signedUp(ctx, url, s.colleague, []file{{name: s.known, content: s.handbook()}})
	if err != nil {
		return err
	}
	c, err := signedUp(ctx, url, s.user, files)
	if err != nil {
		return err
	}
	for _, f := range s.folders {
		if err := c.Mkdir(ctx, "/"+f.name); err != nil {
			return err
		}
	}
	return nil
}

func signedUp(ctx context.Context, url, user string, files []file) (*client.Client, error) {
	c, err := client.New(url, client.Options{})
	if err != nil {
		return nil, err
	}
	if err := c.Signup(ctx, user, password); err != nil {
		return nil, err
	}
	if _, err := c.Signin(ctx, user, password); err != nil {
		return nil, err
	}
	var form []client.FormFile
	for _, f := range files {
		changed, _ := time.Parse(time.DateTime, f.changed) // no date is none
		form = append(form, client.FormFile{Name: f.name, Content: bytes.NewReader(f.content), Modified: changed})
	}
	if _, err := c.UploadForm(ctx, "", form...); err != nil {
		return nil, fmt.Errorf("fill the drive of %s: %w", user, err)
	}
	return c, nil
}

// toUpload writes the files that are uploaded through the page and returns their paths.
func (s scene) toUpload(dir string) (film, known, small string, err error) {
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		return path
	}
	film = write(s.film, noise(1, 148<<20))
	known = write(s.known, s.handbook())
	small = write(s.small, bytes.Repeat([]byte("Boots, rain jacket, torch, map, chocolate.\n"), 30))
	return film, known, small, err
}
