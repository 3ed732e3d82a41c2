// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/durable"
)

// The members of a file. Those of a stream lie in a folder of its name, as `nats stream restore` wants
// them: who has lost this program but not NATS gets at the log all the same.
const (
	memberHead     = "palinsesto.json"
	memberManifest = "manifest.json"
	memberSum      = "manifest.json.sha256"
	snapshotName   = "stream.tar.s2"
	settingsName   = "backup.json"
)

const (
	block       = 512 // of a tar
	mostStreams = 64
	mostHead    = 64 << 10
	mostJSON    = 4 << 20
)

// head is the first member: enough to refuse a file without reading it.
type head struct {
	Format  int       `json:"format"`
	Program string    `json:"program"`
	Taken   time.Time `json:"taken"`
}

// Options say what to copy, and where to.
type Options struct {
	File    string // must not exist
	Program string
	House   string
	Now     time.Time
	Tell    func(Progress) // may be nil
}

// Take copies a house, running or not, into a new file. The file appears under its name when it is
// complete and on the disk; until then it is FILE.part, and what fails leaves nothing.
func Take(ctx context.Context, from Streams, o Options) (m Manifest, err error) {
	if _, err := os.Lstat(o.File); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s esiste già e non si sovrascrive: indicare un altro nome (%w)", o.File, ErrExists)
	}
	part := o.File + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return m, fmt.Errorf("%s esiste: una copia è in corso, o è rimasta a metà; in questo caso toglierlo e riprovare (%w)", part, ErrExists)
	}
	if err != nil {
		return m, fmt.Errorf("la copia non si può scrivere in %s (cannot be written): %w", filepath.Dir(o.File), err)
	}
	m, err = write(ctx, from, &writer{f: f, at: o.Now}, o)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(part, o.File)
	}
	if err == nil {
		return m, durable.Flush(filepath.Dir(o.File))
	}
	if rerr := os.Remove(part); rerr != nil {
		err = errors.Join(err, rerr)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return m, fmt.Errorf("il disco della copia è pieno: la copia non è stata fatta, quelle di prima restano; liberare spazio e riprovare (disk full): %w", err)
	}
	return m, fmt.Errorf("la copia non è riuscita, quelle di prima restano (the backup failed): %w", err)
}

func write(ctx context.Context, from Streams, w *writer, o Options) (Manifest, error) {
	m := Manifest{Format: Format, Program: o.Program, House: o.House, Taken: o.Now.UTC()}
	if err := w.json(memberHead, head{m.Format, m.Program, m.Taken}); err != nil {
		return m, err
	}
	all, err := from.Ours(ctx)
	if err != nil {
		return m, err
	}
	if len(all) == 0 || len(all) > mostStreams || all[0].Name != contract.Stream {
		return m, errNoLog
	}
	m.Log = all[0].LogID()
	// The log comes first: media are stored before an event names them and none is taken away, so a copy of
	// the media that begins later holds all that the copied log names.
	for i, st := range all {
		e, err := w.stream(ctx, from, st.Name, teller(o.Tell, Progress{Stream: st.Name, Number: i + 1, Of: len(all), Total: int64(st.Bytes)}))
		if err != nil {
			return m, err
		}
		e.Created = st.Created
		m.Streams = append(m.Streams, e)
	}
	m.LastSeq = m.Streams[0].LastSeq
	if err := m.check(); err != nil {
		return m, err
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	sum := sha256.Sum256(raw)
	if err := errors.Join(w.bytes(memberManifest, raw), w.bytes(memberSum, []byte(hex.EncodeToString(sum[:])+"\n"))); err != nil {
		return m, err
	}
	return m, w.end()
}

var errNoLog = errors.New("qui non c'è un registro di Palinsesto: nulla da copiare (no log there)")

func teller(tell func(Progress), p Progress) func(int64) {
	return func(n int64) {
		if p.Done += n; tell != nil {
			tell(p)
		}
	}
}

// writer writes a tar whose members' sizes are known only when they are written.
type writer struct {
	f   *os.File
	off int64
	at  time.Time
}

func (w *writer) stream(ctx context.Context, from Streams, name string, tell func(int64)) (Entry, error) {
	e := Entry{Name: name}
	sum := sha256.New()
	size, err := w.member(name+"/"+snapshotName, func(to io.Writer) error {
		st, err := from.Save(ctx, name, io.MultiWriter(to, sum, told(tell)))
		e.Config, e.State, e.LastSeq, e.Msgs, e.Bytes = st.Config, st.State, st.LastSeq, st.Msgs, st.Bytes
		return err
	})
	if err != nil {
		return e, err
	}
	e.Size, e.SHA256 = size, hex.EncodeToString(sum.Sum(nil))
	return e, w.json(name+"/"+settingsName, e.settings())
}

// told counts what passes.
type told func(int64)

func (t told) Write(p []byte) (int, error) { t(int64(len(p))); return len(p), nil }

func (w *writer) json(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.bytes(name, raw)
}

func (w *writer) bytes(name string, raw []byte) error {
	_, err := w.member(name, func(to io.Writer) error { _, err := to.Write(raw); return err })
	return err
}

// member writes what fill gives, then goes back and writes the header before it.
func (w *writer) member(name string, fill func(io.Writer) error) (int64, error) {
	begin := w.off
	w.off += block
	if err := fill(w); err != nil {
		return 0, err
	}
	size := w.off - begin - block
	if rest := w.off % block; rest != 0 {
		if _, err := w.Write(make([]byte, block-rest)); err != nil {
			return 0, err
		}
	}
	h, err := header(name, size, w.at)
	if err != nil {
		return 0, err
	}
	_, err = w.f.WriteAt(h, begin)
	return size, err
}

// Write appends to the file.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.f.WriteAt(p, w.off)
	w.off += int64(n)
	return n, err
}

func (w *writer) end() error {
	_, err := w.Write(make([]byte, 2*block))
	return err
}

// header is one block long also beyond 8 GiB, because of GNU's binary sizes:
// https://www.gnu.org/software/tar/manual/html_node/Extensions.html
func header(name string, size int64, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600,
		ModTime: at.Truncate(time.Second), Format: tar.FormatGNU})
	if err == nil && b.Len() != block {
		err = fmt.Errorf("backup: the header of %s is %d bytes long", name, b.Len())
	}
	return b.Bytes(), err
}
