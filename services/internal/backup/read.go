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
	"hash"
	"io"
	"os"
	"strings"
)

// Archive is a file that was read through once: every sum is right.
type Archive struct {
	Manifest
	f    io.ReaderAt
	size int64
	shut func() error
}

// Open reads a file from its beginning to its end, and refuses it unless all is there, unaltered.
func Open(ctx context.Context, path string, tell func(Progress)) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("la copia non si legge (cannot be read): %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = foreign("no regular file")
	}
	var a *Archive
	if err == nil {
		a, err = Read(ctx, f, info.Size(), tell)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	a.shut = f.Close
	return a, nil
}

// Close lets go of the file.
func (a *Archive) Close() error {
	if a.shut == nil {
		return nil
	}
	return a.shut()
}

// Read is Open for a file that is open. What it holds may be hostile: no name in it becomes a path, and
// no size in it is believed beyond that of the file.
func Read(ctx context.Context, f io.ReaderAt, size int64, tell func(Progress)) (*Archive, error) {
	a := &Archive{f: f, size: size}
	found := map[string]sum{}
	small := map[string][]byte{} // head and settings, of use to other programs only
	var raw, rawSum []byte
	progress := teller(tell, Progress{Total: size})
	err := a.walk(ctx, func(n int, name string, r io.Reader) (err error) {
		switch {
		case n == 0:
			small[name], err = readHead(name, r)
		case raw != nil && name != memberSum || rawSum != nil:
			return damaged("something after the manifest", nil)
		case name == memberManifest:
			raw, err = all(r, mostJSON)
		case name == memberSum:
			rawSum, err = all(r, mostHead)
		case strings.HasSuffix(name, "/"+settingsName):
			small[name], err = all(r, mostJSON)
		default:
			var s sum
			if s, err = summed(io.TeeReader(r, told(progress))); err == nil {
				found[name] = s
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := a.settle(raw, rawSum, found); err != nil {
		return nil, err
	}
	return a, a.same(small)
}

// readHead refuses what is not ours, or not yet, before the rest is read.
func readHead(name string, r io.Reader) ([]byte, error) {
	if name != memberHead {
		return nil, foreign("first member " + fmt.Sprintf("%.64q", name))
	}
	raw, err := all(r, mostHead)
	if err != nil {
		return nil, err
	}
	var h head
	if err := json.Unmarshal(raw, &h); err != nil || h.Format < 1 {
		return nil, foreign("head")
	}
	if h.Format > Format {
		return nil, tooNew(h.Format, h.Program)
	}
	return raw, nil
}

// same refuses a file whose small members say otherwise than the manifest: who unpacks it by hand is to
// find in it what is brought back here.
func (a *Archive) same(small map[string][]byte) error {
	want := map[string]any{memberHead: head{a.Format, a.Program, a.Taken}}
	for _, e := range a.Streams {
		want[e.Name+"/"+settingsName] = e.settings()
	}
	for name, v := range want {
		raw, err := json.Marshal(v)
		if err != nil || !bytes.Equal(raw, small[name]) {
			return damaged(name, err)
		}
	}
	if len(small) != len(want) {
		return damaged("more than the manifest says", nil)
	}
	return nil
}

// settle compares what was read with what the manifest says.
func (a *Archive) settle(raw, rawSum []byte, found map[string]sum) error {
	if raw == nil || rawSum == nil {
		return damaged("it ends too early", nil)
	}
	want := sha256.Sum256(raw)
	if strings.TrimSpace(string(rawSum)) != hex.EncodeToString(want[:]) {
		return damaged("sum of the manifest", nil)
	}
	if err := json.Unmarshal(raw, &a.Manifest); err != nil {
		return damaged("manifest", err)
	}
	if err := a.check(); err != nil {
		return err
	}
	for _, e := range a.Streams {
		if found[e.Name+"/"+snapshotName] != (sum{e.Size, e.SHA256}) {
			return damaged("stream "+e.Name, nil)
		}
		delete(found, e.Name+"/"+snapshotName)
	}
	if len(found) > 0 {
		return damaged("more than the manifest says", nil)
	}
	return nil
}

// sum is what a member came to.
type sum struct {
	size int64
	hash string
}

func summed(r io.Reader) (sum, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return sum{}, err
	}
	return sum{n, hex.EncodeToString(h.Sum(nil))}, nil
}

// checked gives the end of a stream only if all of it was what the manifest says: the file may have been
// changed since it was read through.
type checked struct {
	r    io.Reader
	want Entry
	sum  hash.Hash
	size int64
}

func (c *checked) Read(p []byte) (int, error) {
	if c.sum == nil {
		c.sum = sha256.New()
	}
	n, err := c.r.Read(p)
	_, _ = c.sum.Write(p[:n]) // never fails
	c.size += int64(n)
	if errors.Is(err, io.EOF) && (c.size != c.want.Size || hex.EncodeToString(c.sum.Sum(nil)) != c.want.SHA256) {
		return n, damaged("stream "+c.want.Name, nil)
	}
	return n, err
}

func all(r io.Reader, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(raw)) > most {
		err = foreign("a description without end")
	}
	return raw, err
}

// mostMembers is more than any file of ours has.
const mostMembers = 2*mostStreams + 8

// walk hands over the members in order.
func (a *Archive) walk(ctx context.Context, take func(n int, name string, r io.Reader) error) error {
	t := tar.NewReader(untilDone{ctx, io.NewSectionReader(a.f, 0, a.size)})
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && n == 0:
			return foreign("no tar")
		case err != nil:
			return damaged("structure", err)
		case h.Typeflag != tar.TypeReg || h.Size < 0 || n >= mostMembers:
			return foreign(fmt.Sprintf("member %.64q", h.Name))
		// A sparse member would be as large as it says without taking any room.
		case h.Size > a.size:
			return damaged("it ends too early", nil)
		}
		if err := take(n, h.Name, t); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return damaged("it ends too early", err)
			}
			return err
		}
	}
}

// untilDone lets a long read be stopped.
type untilDone struct {
	ctx context.Context //nolint:containedctx // of one walk
	r   io.ReadSeeker
}

// Seek lets the tar reader jump over what nobody reads.
func (u untilDone) Seek(offset int64, whence int) (int64, error) { return u.r.Seek(offset, whence) }

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
