package service

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blinkdrive/blinkdrive/store"
)

// knownTargets are the targets of one upload, in the order in which they were announced. There is at least one.
type knownTargets []store.UploadTarget

// find returns the first target that ok accepts.
func (k knownTargets) find(ok func(store.UploadTarget) bool) (store.UploadTarget, bool) {
	if i := slices.IndexFunc(k, ok); i >= 0 {
		return k[i], true
	}
	return store.UploadTarget{}, false
}

func isNamed(t store.UploadTarget) bool { return t.Name != "" }

// agree refuses names that no entry can have, and a request that leaves the file without one.
func (k knownTargets) agree(name, path string) error {
	if _, ok := k.find(isNamed); name == "" && !ok {
		return errorf(Invalid, "parameter filename is required")
	}
	_, _, err := cleanTarget(name, path)
	return err
}

// cleanTarget normalizes the name and the path of a target, either of which may be empty. The path is nil if it is.
func cleanTarget(name, path string) (string, *store.Path, error) {
	var err error
	if name != "" {
		if name, err = CleanName(name); err != nil {
			return "", nil, err
		}
	}
	if path == "" {
		return name, nil, nil
	}
	folder, err := CleanPath(path)
	return name, &folder, err
}

// targets returns the targets of an upload. One that was stored before targets were has what its row says.
func (s *Uploads) targets(ctx context.Context, u store.Upload) (knownTargets, error) {
	known, err := s.Targets.UploadTargets(ctx, u.User, u.ID)
	if err != nil {
		return nil, explain(fmt.Errorf("upload %s: %w", u.ID, err))
	}
	if len(known) == 0 {
		known = []store.UploadTarget{{Parent: u.Parent, Name: u.Name, Modified: u.Modified, Entry: u.Entry}}
	}
	return distinct(known), nil
}

// distinct merges targets with one path and one name: their folder was deleted and created again in between. The one that
// has become an entry stands for them, else the one that was announced last.
func distinct(targets []store.UploadTarget) knownTargets {
	var known knownTargets
	at := map[[2]string]int{} // index in known, by path and name
	for _, t := range targets {
		key := [2]string{t.Path, t.Name}
		i, ok := at[key]
		switch {
		case t.Path == "" || !ok:
			at[key] = len(known)
			known = append(known, t)
		case known[i].Entry == "":
			known[i] = t
		}
	}
	return known
}

// wanted returns the targets that a request asks for: all that were announced and agree with what it names, which is
// all of them if it names neither a file nor a folder. If none agrees it is a new one, and what the request leaves out is
// taken from the first that was announced. The folder of a new path is created.
func (s *Uploads) wanted(ctx context.Context, user store.UserID, known knownTargets, name, path string) ([]store.UploadTarget, error) {
	name, folder, err := cleanTarget(name, path)
	if err != nil {
		return nil, err
	}
	var wanted []store.UploadTarget
	for _, t := range known {
		if isNamed(t) && (name == "" || t.Name == name) && (folder == nil || t.Path == folder.String()) {
			wanted = append(wanted, t)
		}
	}
	if wanted == nil {
		first, _ := known.find(func(t store.UploadTarget) bool { return isNamed(t) || name != "" })
		first.Entry = ""
		if name != "" {
			first.Name = name
		}
		wanted = append(wanted, first)
	}
	if folder == nil {
		return wanted, nil
	}
	for i, t := range wanted {
		if wanted[i], err = s.targetIn(ctx, user, known, t, *folder); err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

// targetIn returns t as the target in the folder with this path. If a known target has that path it means the folder
// that was found there, wherever that is now. Otherwise, or if that folder is gone, the folder is created.
func (s *Uploads) targetIn(
	ctx context.Context, user store.UserID, known knownTargets, t store.UploadTarget, folder store.Path,
) (store.UploadTarget, error) {
	path := folder.String()
	if t.Path == path && (t.Entry != "" || !t.FolderGone) {
		return t, nil
	}
	if len(known) >= store.MaxUploadTargets { // before a folder is created for it
		return store.UploadTarget{}, tooManyTargets()
	}
	t.Path, t.FolderGone, t.Entry = path, false, ""
	there, ok := known.find(func(t store.UploadTarget) bool { return t.Path == path && !t.FolderGone })
	if ok {
		t.Parent = there.Parent
	} else {
		var err error
		if t.Parent, err = s.Entries.MakeFolder(ctx, user, folder, s.Now()); err != nil {
			return store.UploadTarget{}, explain(fmt.Errorf("folder: %w", err))
		}
	}
	same, ok := known.find(func(k store.UploadTarget) bool { return k.Parent == t.Parent && k.Name == t.Name && !k.FolderGone })
	if ok {
		t.Entry = same.Entry
	}
	return t, nil
}

// announce records the target that a client names when it goes on with an open upload. It may be another one than those
// before it, or the same with another modification time.
func (s *Uploads) announce(ctx context.Context, u store.Upload, req InitRequest) error {
	if req.Name == "" && req.Path == "" && req.Modified.IsZero() {
		return nil
	}
	known, err := s.targets(ctx, u)
	if err != nil {
		return err
	}
	name, folder, err := cleanTarget(req.Name, req.Path)
	if err != nil {
		return err
	}
	t := known[0]
	if name != "" || folder != nil {
		t = store.UploadTarget{Name: name}
	}
	if folder != nil {
		if t, err = s.targetIn(ctx, u.User, known, t, *folder); err != nil {
			return err
		}
	}
	if t.FolderGone {
		t.Parent = ""
	}
	t.Modified = req.Modified
	err = s.Targets.AddUploadTarget(ctx, u.User, u.ID, t)
	switch {
	case errors.Is(err, store.ErrConflict):
		return errorf(NotFound, "upload not found")
	case errors.Is(err, store.ErrTooMany):
		return tooManyTargets()
	}
	return explain(err)
}

func tooManyTargets() error {
	return errorf(TooMany, "one upload becomes at most %d files; copy one of them instead", store.MaxUploadTargets)
}

// completeDone makes the entries that a repeated Complete asks for and that are not there yet, all of them or none. It
// gives those that are there another modification time if the request names one. It returns the last of those that are
// there now, and a zero entry if all have been deleted since.
func (s *Uploads) completeDone(ctx context.Context, u store.Upload, wanted []store.UploadTarget, req CompleteRequest) (store.Entry, error) {
	made, err := s.furtherEntries(ctx, u, wanted, req)
	if err != nil {
		return store.Entry{}, err
	}
	var last store.Entry
	for _, t := range wanted {
		var e store.Entry
		if t.Entry == "" {
			e, made = made[0], made[1:]
		} else if e, err = s.knownEntry(ctx, u, t, req); errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return store.Entry{}, explain(fmt.Errorf("complete: %w", err))
		}
		if e.Deleted.IsZero() {
			last = e
		}
	}
	return last, nil
}

// furtherEntries makes an entry of the content of an upload that is done for each target that has none.
func (s *Uploads) furtherEntries(ctx context.Context, u store.Upload, wanted []store.UploadTarget, req CompleteRequest) ([]store.Entry, error) {
	var cs []store.Completion
	for _, t := range wanted {
		if t.Entry == "" {
			cs = append(cs, aimed(store.Completion{Upload: u.ID, User: u.User, Row: true, When: s.Now()}, t, req))
		}
	}
	if len(cs) == 0 {
		return nil, nil
	}
	done, err := s.Rows.CompleteUploads(ctx, cs)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errorf(NotFound, "the uploaded file has been deleted; upload it again")
	case errors.Is(err, store.ErrTooMany):
		return nil, tooManyTargets()
	case err != nil:
		return nil, explain(fmt.Errorf("complete: %w", err))
	}
	made := make([]store.Entry, len(done))
	for i, d := range done {
		made[i] = d.Entry
	}
	return made, nil
}

// knownEntry returns the entry that a target has become. store.ErrNotFound: it was deleted.
func (s *Uploads) knownEntry(ctx context.Context, u store.Upload, t store.UploadTarget, req CompleteRequest) (store.Entry, error) {
	if req.Modified.IsZero() || req.Modified.Equal(t.Modified) {
		return s.Entries.Entry(ctx, u.User, t.Entry)
	}
	c := aimed(store.Completion{Upload: u.ID, User: u.User, Row: true, When: s.Now()}, t, req)
	done, err := s.Rows.CompleteUploads(ctx, []store.Completion{c})
	if err != nil {
		return store.Entry{}, err
	}
	return done[0].Entry, nil
}

// aimed returns a completion that makes the entry of a target. The modification time that was named last counts.
func aimed(c store.Completion, t store.UploadTarget, req CompleteRequest) store.Completion {
	c.Parent, c.Path, c.Name, c.Clash, c.Modified = t.Parent, t.Path, t.Name, req.Clash, t.Modified
	if !req.Modified.IsZero() {
		c.Modified = req.Modified
	}
	return c
}
