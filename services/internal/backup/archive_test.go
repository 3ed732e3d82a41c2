// SPDX-License-Identifier: AGPL-3.0-or-later

package backup_test

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
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/backup"
	"github.com/palinsesto/palinsesto/services/internal/bus"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shelf is a NATS without a server: what was saved or put, by name.
type shelf struct {
	streams map[string]string
	fails   map[string]error // by what is done: "save NAME", "put NAME"
	order   []string
}

func full() *shelf {
	return &shelf{fails: map[string]error{}, streams: map[string]string{
		"PALINSESTO": strings.Repeat("evento ", 10_000), "OBJ_palinsesto-media": "foto", "PALINSESTO_DEAD": "",
	}}
}

func empty() *shelf { return &shelf{streams: map[string]string{}, fails: map[string]error{}} }

func (s *shelf) Ours(context.Context) ([]bus.Stream, error) {
	var all []bus.Stream
	for _, name := range []string{"PALINSESTO", "OBJ_palinsesto-media", "PALINSESTO_DEAD"} {
		if _, ok := s.streams[name]; ok {
			all = append(all, s.stream(name))
		}
	}
	return all, nil
}

func (s *shelf) stream(name string) bus.Stream {
	return bus.Stream{Name: name, LastSeq: 7, Created: noon, State: json.RawMessage(`{"last_seq":7}`),
		Config: json.RawMessage(`{"name":"` + name + `","metadata":{"palinsesto-log":"x"}}`)}
}

func (s *shelf) Any(context.Context) ([]string, error) {
	var names []string
	for name := range s.streams {
		names = append(names, name)
	}
	return names, nil
}

func (s *shelf) Save(_ context.Context, name string, w io.Writer) (bus.Stream, error) {
	if _, err := io.WriteString(w, s.streams[name]); err != nil {
		return bus.Stream{}, err
	}
	return s.stream(name), s.fails["save "+name]
}

func (s *shelf) Put(_ context.Context, st bus.Stream, _ int, r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err == nil {
		err = s.fails["put "+st.Name]
	}
	if err == nil {
		s.streams[st.Name] = string(raw)
		s.order = append(s.order, st.Name)
	}
	return err
}

func (s *shelf) Remove(_ context.Context, name string) error {
	delete(s.streams, name)
	return nil
}

func take(t testing.TB, from backup.Streams, dir string) (string, backup.Manifest) {
	t.Helper()
	file := filepath.Join(dir, "casa.tar")
	m, err := backup.Take(context.Background(), from, backup.Options{File: file, Program: "1.2.3", House: "Regione", Now: noon})
	require.NoError(t, err)
	return file, m
}

func TestTakenAndPutBack(t *testing.T) {
	from := full()
	file, m := take(t, from, t.TempDir())
	require.Equal(t, uint64(7), m.LastSeq)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "people's texts are in it")
	a, err := backup.Open(t.Context(), file, nil)
	require.NoError(t, err)
	defer a.Close()
	require.Equal(t, m.Log, a.Log)
	require.Equal(t, "Regione", a.House)
	to := empty()
	require.NoError(t, a.Put(t.Context(), to, backup.PutOptions{}))
	require.Equal(t, from.streams, to.streams)
	require.Equal(t, "PALINSESTO", to.order[len(to.order)-1], "the log last: what it names is there before")

	err = a.Put(t.Context(), to, backup.PutOptions{})
	require.ErrorIs(t, err, backup.ErrNotEmpty)
	require.Equal(t, from.streams, to.streams, "nothing of it is touched")
}

// The parts lie in the file as `nats stream restore` takes them.
func TestLayout(t *testing.T) {
	file, _ := take(t, full(), t.TempDir())
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	var names []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	require.Equal(t, []string{"palinsesto.json", "PALINSESTO/stream.tar.s2", "PALINSESTO/backup.json",
		"OBJ_palinsesto-media/stream.tar.s2", "OBJ_palinsesto-media/backup.json", "PALINSESTO_DEAD/stream.tar.s2",
		"PALINSESTO_DEAD/backup.json", "manifest.json", "manifest.json.sha256"}, names)
}

func TestWhatFailsLeavesNothing(t *testing.T) {
	for name, why := range map[string]error{
		"stream breaks off": errors.New("snapshot: the server gave up"),
		"disk full":         fmt.Errorf("write: %w", syscall.ENOSPC),
	} {
		t.Run(name, func(t *testing.T) {
			dir, from := t.TempDir(), full()
			from.fails["save OBJ_palinsesto-media"] = why
			_, err := backup.Take(t.Context(), from, backup.Options{File: filepath.Join(dir, "a.tar"), Now: noon})
			require.ErrorIs(t, err, why)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
	t.Run("restore breaks off", func(t *testing.T) {
		file, _ := take(t, full(), t.TempDir())
		a, err := backup.Open(t.Context(), file, nil)
		require.NoError(t, err)
		defer a.Close()
		to := empty()
		to.fails["put PALINSESTO"] = errors.New("no space")
		require.ErrorContains(t, a.Put(t.Context(), to, backup.PutOptions{}), "no space")
		require.Empty(t, to.streams)
	})
	t.Run("file exists", func(t *testing.T) {
		file, _ := take(t, full(), t.TempDir())
		_, err := backup.Take(t.Context(), full(), backup.Options{File: file, Now: noon})
		require.ErrorIs(t, err, backup.ErrExists)
		_, err = backup.Open(t.Context(), file, nil)
		require.NoError(t, err)
	})
	t.Run("no log", func(t *testing.T) {
		_, err := backup.Take(t.Context(), empty(), backup.Options{File: filepath.Join(t.TempDir(), "a.tar"), Now: noon})
		require.ErrorContains(t, err, "non c'è un registro")
	})
}

// Every byte counts: cut anywhere or changed anywhere in what it holds, a file is refused.
func TestDamagedIsRefused(t *testing.T) {
	file, _ := take(t, full(), t.TempDir())
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	read := func(raw []byte) error {
		_, err := backup.Read(context.Background(), bytes.NewReader(raw), int64(len(raw)), nil)
		return err
	}
	require.NoError(t, read(whole))
	for cut := 0; cut < len(whole)-1024; cut += 1 + len(whole)/97 {
		require.Error(t, read(whole[:cut]), "cut at %d", cut)
	}
	means := meaning(t, whole)
	for at := 0; at < len(whole)-1024; at += 1 + len(whole)/499 {
		raw := bytes.Clone(whole)
		raw[at] ^= 0x20
		if means[at] {
			require.Error(t, read(raw), "changed at %d", at)
		}
	}
	raw := bytes.Clone(whole)
	raw[30_000] ^= 1
	require.ErrorIs(t, read(raw), backup.ErrDamaged)
	require.ErrorContains(t, read(raw), "nulla è stato toccato")
	require.ErrorIs(t, read(whole[:40_000]), backup.ErrDamaged)
}

// meaning marks the bytes of a tar that say something: not what fills up a block, nor the form of a
// header's own sum.
func meaning(t *testing.T, raw []byte) []bool {
	t.Helper()
	means, at := make([]bool, len(raw)), 0
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return means
		}
		require.NoError(t, err)
		for i := range 512 + int(h.Size) {
			means[at+i] = i < 148 || i >= 156
		}
		at += 512 + (int(h.Size)+511)/512*512
	}
}

// member is one of a file made by hand.
type member struct {
	name string
	body string
	kind byte
	size int64 // that it claims; 0: that of the body
}

func byHand(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		w := tar.NewWriter(&b)
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Mode: 0o600, Size: int64(len(m.body)), Format: tar.FormatGNU}
		if m.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if m.kind == tar.TypeSymlink {
			h.Linkname, h.Size = "/etc/passwd", 0
		}
		if m.size > 0 {
			h.Size = m.size
		}
		require.NoError(t, w.WriteHeader(h))
		b.WriteString(m.body)
		b.Write(make([]byte, (512-len(m.body)%512)%512))
	}
	b.Write(make([]byte, 1024))
	return b.Bytes()
}

func TestHostileIsRefused(t *testing.T) {
	head := member{name: "palinsesto.json", body: `{"format":1,"program":"1"}`}
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":             {nil, backup.ErrForeign},
		"text":                {bytes.Repeat([]byte("casa "), 1000), backup.ErrForeign},
		"another tar":         {byHand(t, member{name: "etc/passwd", body: "root"}), backup.ErrForeign},
		"a head of nothing":   {byHand(t, member{name: "palinsesto.json", body: "[]"}), backup.ErrForeign},
		"newer":               {byHand(t, member{name: "palinsesto.json", body: `{"format":2,"program":"9.0"}`}), backup.ErrTooNew},
		"link":                {byHand(t, head, member{name: "PALINSESTO/stream.tar.s2", kind: tar.TypeSymlink}), backup.ErrForeign},
		"larger than itself":  {byHand(t, head, member{name: "PALINSESTO/stream.tar.s2", body: "x", size: 1 << 40}), backup.ErrDamaged},
		"no manifest":         {byHand(t, head, member{name: "PALINSESTO/stream.tar.s2", body: "x"}), backup.ErrDamaged},
		"after the manifest":  {byHand(t, head, member{name: "manifest.json", body: "{}"}, member{name: "x", body: "y"}), backup.ErrDamaged},
		"wrong sum":           {byHand(t, head, member{name: "manifest.json", body: "{}"}, member{name: "manifest.json.sha256", body: "00"}), backup.ErrDamaged},
		"endless description": {byHand(t, member{name: "palinsesto.json", body: strings.Repeat(" ", 1<<20)}), backup.ErrForeign},
		"path":                {sealed(t, head, `{"format":1,"log":"x","streams":[{"name":"../x","sha256":"`+zeros+`","config":{"name":"../x"}}]}`), backup.ErrForeign},
		"foreign stream":      {sealed(t, head, `{"format":1,"log":"x","streams":[{"name":"ORDERS","sha256":"`+zeros+`","config":{"name":"ORDERS"}}]}`), backup.ErrForeign},
		"stream that fetches": {sealed(t, head, `{"format":1,"log":"x","streams":[{"name":"PALINSESTO","sha256":"`+zeros+`","config":{"name":"PALINSESTO","mirror":{"name":"X"}}}]}`), backup.ErrForeign},
		"promised, not there": {sealed(t, head, `{"format":1,"log":"x","streams":[{"name":"PALINSESTO","sha256":"`+zeros+`","config":{"name":"PALINSESTO"}}]}`), backup.ErrDamaged},
		"manifest newer":      {sealed(t, head, `{"format":3,"log":"x"}`), backup.ErrTooNew},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := backup.Read(t.Context(), bytes.NewReader(c.raw), int64(len(c.raw)), nil)
			require.ErrorIs(t, err, c.want)
		})
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// A stopped read ends at once.
func TestReadIsStopped(t *testing.T) {
	file, _ := take(t, full(), t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := backup.Open(ctx, file, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	small := full()
	small.streams["PALINSESTO"] = "evento"
	file, _ := take(f, small, dir)
	whole, err := os.ReadFile(file)
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(byHand(f, member{name: "palinsesto.json", body: `{"format":1}`}, member{name: "manifest.json", body: "{}"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := backup.Read(context.Background(), bytes.NewReader(raw), int64(len(raw)), nil)
		if err != nil {
			return
		}
		// What is taken holds what it says, and can be put.
		to := empty()
		require.NoError(t, a.Put(context.Background(), to, backup.PutOptions{}))
		require.Contains(t, to.streams, "PALINSESTO")
		for _, e := range a.Streams {
			require.Len(t, to.streams[e.Name], int(e.Size))
		}
	})
}

// sealed is a file whose manifest is what somebody wrote, with the sum that fits it.
func sealed(t testing.TB, head member, manifest string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(manifest))
	return byHand(t, head, member{name: "manifest.json", body: manifest},
		member{name: "manifest.json.sha256", body: hex.EncodeToString(sum[:])})
}
