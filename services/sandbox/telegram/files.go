// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // a photo may come as any of these
	_ "image/jpeg" //
	_ "image/png"  //
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// https://core.telegram.org/bots/api#sendphoto and #sending-files.
const (
	maxPhoto      = 10 << 20
	maxSides      = 10_000 // width + height
	maxRatio      = 20
	maxPhotoByURL = 5 << 20
	maxFileByURL  = 20 << 20
	fetchTimeout  = 10 * time.Second
)

// upload is a file on its way to the wall; data is nil when it is there already.
type upload struct {
	media sandbox.Media
	data  []byte
}

// fileID names a file for sending it again.
func fileID(m sandbox.Media) string { return "sbx-" + m.Kind + "-" + m.SHA256 }

// upload takes a file of a kind from a value (file id, address, attach://part) or the part of that name.
func (c *call) upload(kind, part, value string) (upload, error) {
	if name, attached := strings.CutPrefix(value, "attach://"); attached {
		part, value = name, ""
	}
	if f, sent := c.params.files[part]; sent && value == "" {
		return inspect(kind, f)
	}
	switch {
	case value == "":
		return upload{}, badRequest("there is no %s in the request", kind)
	case strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://"):
		return c.fetch(kind, value)
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if m, known := c.h.files[value]; known && m.Kind == kind {
		return upload{media: m}, nil
	}
	return upload{}, badRequest("wrong file identifier/HTTP URL specified")
}

// inspect says by content what a file is and whether it may be sent as what it claims to be.
func inspect(kind string, f file) (upload, error) {
	u := upload{data: f.data, media: sandbox.Media{Kind: kind, Bytes: len(f.data), Name: f.name}}
	if len(f.data) == 0 {
		return u, badRequest("file must be non-empty")
	}
	u.media.MIME = http.DetectContentType(f.data)
	switch kind {
	case "photo":
		return u, u.photo()
	case "video":
		if !isMP4(f.data) {
			return u, badRequest("VIDEO_CONTENT_TYPE_INVALID") // wording ours; stricter than the real server
		}
		u.media.MIME = "video/mp4"
	}
	return u, nil
}

// photo reads the header only: decoding all of it would let a small file ask for much memory.
func (u *upload) photo() error {
	if len(u.data) > maxPhoto {
		return badRequest("file is too big")
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(u.data))
	if err != nil {
		return badRequest("IMAGE_PROCESS_FAILED")
	}
	w, h := config.Width, config.Height
	if w <= 0 || h <= 0 || w+h > maxSides || w > h*maxRatio || h > w*maxRatio {
		return badRequest("PHOTO_INVALID_DIMENSIONS")
	}
	u.media.MIME, u.media.Width, u.media.Height = "image/"+format, w, h
	return nil
}

// isMP4 looks for the file type box that begins an ISO media file (ISO/IEC 14496-12, 4.3).
func isMP4(data []byte) bool {
	return len(data) >= 12 && string(data[4:8]) == "ftyp" && string(data[8:12]) != "qt  "
}

// loopbackClient fetches only from this machine, whatever a name resolves to, and follows nothing: the
// sandbox never goes out to the world.
func loopbackClient() *http.Client {
	dialer := &net.Dialer{Timeout: fetchTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil || !target.Addr().Unmap().IsLoopback() {
			return fmt.Errorf("%s is not loopback", address)
		}
		return nil
	}}
	return &http.Client{
		Timeout:       fetchTimeout,
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// isLoopback is the first look at an address; the dialer takes the second, at what it resolved to.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

func (c *call) fetch(kind, address string) (upload, error) {
	u, err := url.Parse(address)
	if err != nil || !isLoopback(u.Hostname()) {
		return upload{}, badRequest("wrong file identifier/HTTP URL specified")
	}
	limit := int64(maxFileByURL)
	if kind == "photo" {
		limit = maxPhotoByURL
	}
	data, err := download(c.ctx, c.h.fetcher, address, limit)
	if err != nil {
		return upload{}, err
	}
	if kind == "photo" && !strings.HasPrefix(http.DetectContentType(data), "image/") {
		return upload{}, badRequest("wrong type of the web page content")
	}
	return inspect(kind, file{name: u.Path[strings.LastIndexByte(u.Path, '/')+1:], data: data})
}

func download(ctx context.Context, client *http.Client, address string, limit int64) (data []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, badRequest("wrong file identifier/HTTP URL specified")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, badRequest("failed to get HTTP URL content")
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	data, err = io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil || response.StatusCode != http.StatusOK:
		return nil, badRequest("failed to get HTTP URL content")
	case int64(len(data)) > limit:
		return nil, badRequest("file is too big")
	}
	return data, nil
}

// store keeps a file for the wall and for being sent again; the caller holds the lock.
func (h *Handler) store(u *upload) error {
	if u.data != nil {
		hash, err := h.s.PutMedia(u.data)
		if err != nil {
			return err
		}
		u.media.SHA256 = hash
	}
	h.files[fileID(u.media)] = u.media
	return nil
}
