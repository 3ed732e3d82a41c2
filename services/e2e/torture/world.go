// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/e2e/powercut"
	"github.com/palinsesto/palinsesto/services/internal/house"
)

// worldKind is a way to run the house.
type worldKind struct {
	name string
	what string
	pace float64 // of the rate that is asked for: servers that agree with one another take longer
	open func(ctx context.Context, r *run, w *world) error
}

func worldKinds() []worldKind {
	return []worldKind{
		{"one", "all rooms in one process, NATS and index embedded", 1.2, openOne},
		{"apart", "every room twice as a process of its own, one NATS server, one Redis", 1, openApart},
		{"cluster", "every room twice, three NATS servers with three replicas, one Redis", 0.6, openCluster},
	}
}

func worldNames() string { return strings.Join(namesOf(worldKinds()), ",") }

func namesOf(kinds []worldKind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

func chooseWorlds(names string) ([]worldKind, error) {
	if names == "" {
		return worldKinds(), nil
	}
	var chosen []worldKind
	for _, name := range strings.Split(names, ",") {
		i := slices.Index(namesOf(worldKinds()), name)
		if i < 0 {
			return nil, fmt.Errorf("no world %q: there are %s", name, worldNames())
		}
		chosen = append(chosen, worldKinds()[i])
	}
	return chosen, nil
}

// world is a house that runs, with all around it.
type world struct {
	r       *run
	conf    string
	mu      sync.Mutex // of rooms, which come and go
	rooms   []*room
	flags   []string // of every room that is a process of its own
	nats    []*proc
	links   *links // between the servers of a cluster
	redis   *redisServer
	network *proc
	plain   *proxy // between the house and the sandbox
	tls     *proxy
	hosts   string // the file over /etc/hosts, empty where there is none
	disk    string // the small file system of the log, empty where there is none
	mounts  []string
	slow    *powercut.Disk // of the first NATS server; nil where there is none
	control string         // address of the sandbox itself, for its faults
	admin   string         // token of the administrator
}

// room is one process of the house.
type room struct {
	*proc
	duty  string // the room of the table; house: all of them
	addr  string
	data  string
	clock string // file with the offset of its clock
	api   bool
	pub   bool // publishes
}

const (
	plainChannels = 6
	channelsMost  = 8 // one more behind TLS, one by name
	tlsChannel    = 6
	nameChannel   = 7
)

// The waits of the torture: what a public office waits a minute for takes a second here.
const (
	lease        = 3 * time.Second
	callDeadline = time.Second
	callTimeout  = 2 * time.Second
	grace        = 45 * time.Second
	shortGrace   = 6 * time.Second // of the kind misura
)

func centres() []string { return []string{"jesi", "fano", "ancona", "fermo"} }

func openWorld(ctx context.Context, r *run) (*world, error) {
	w := &world{r: r}
	var err error
	if w.network, w.control, err = startNetwork(ctx, r); err != nil {
		return w, err
	}
	if err := w.openProxies(ctx); err != nil {
		return w, err
	}
	if err := w.openHosts(); err != nil {
		return w, err
	}
	w.conf = filepath.Join(r.dir, "house.yaml")
	if err := os.WriteFile(w.conf, []byte(w.configuration()), 0o600); err != nil {
		return w, err
	}
	if err := r.kind.open(ctx, r, w); err != nil {
		return w, err
	}
	if err := await(ctx, time.Minute, "the house is ready", func() bool { return w.notReady(ctx) == "" }); err != nil {
		return w, fmt.Errorf("%w: %s", err, w.notReady(ctx))
	}
	raw, err := os.ReadFile(filepath.Join(w.apis()[0].data, "admin.token"))
	w.admin = strings.TrimSpace(string(raw))
	return w, err
}

// configuration has channels of every sort: free, spaced, limited, behind TLS, by name.
func (w *world) configuration() string {
	var y strings.Builder
	y.WriteString("organisation:\n  name: Tortura\n  timezone: " + zoneName + "\ncentres:\n")
	for _, c := range centres() {
		fmt.Fprintf(&y, "  - id: %s\n    name: %s\n    province: AN\n", c, c)
	}
	y.WriteString("channels:\n")
	for i := range w.channels() {
		base := "http://" + w.plain.addr
		switch i {
		case tlsChannel:
			base = "https://" + w.tls.addr
		case nameChannel:
			_, port, _ := strings.Cut(w.plain.addr, ":")
			base = "http://" + hostName + ":" + port
		}
		fmt.Fprintf(&y, "  - id: %s\n    network: telegram\n    target: \"@%s\"\n    api_base: %s/telegram\n    token_env: %s\n",
			harness.ChannelID(i), harness.Username(i), base, harness.TokenEnv)
		switch i {
		case 2, 3:
			y.WriteString("    spacing: 200ms\n")
		case 4:
			y.WriteString("    limits: {per_second: 20, burst: 5}\n")
		}
	}
	fmt.Fprintf(&y, "publishing:\n  grace: %s\n  grace_by_kind: {misura: %s}\n  lease: %s\n  call_deadline: %s\n  call_timeout: %s\n  retry: {first: 1s, max: 2s}\n",
		grace, shortGrace, lease, callDeadline, callTimeout)
	fmt.Fprintf(&y, "log:\n  free_space_floor: %d\n", diskFloor)
	return y.String()
}

// channels is how many there are here: the last needs a file over /etc/hosts.
func (w *world) channels() int {
	if w.hosts == "" {
		return channelsMost - 1
	}
	return channelsMost
}

// addRoom makes one process of the house.
func (w *world) addRoom(name string, args, env []string, small bool) (*room, error) {
	addr, err := w.r.freeAddr()
	if err != nil {
		return nil, err
	}
	x := &room{duty: strings.TrimRight(name, "-0123456789"), addr: addr, data: filepath.Join(w.r.dir, name, "data"), clock: filepath.Join(w.r.dir, name, "clock"),
		api: strings.HasPrefix(name, "api") || name == "house", pub: strings.HasPrefix(name, "publishing") || name == "house"}
	if err := os.MkdirAll(x.data, 0o700); err != nil {
		return nil, err
	}
	if small {
		if w.disk, err = smallDisk(x.data); err != nil {
			return nil, err
		}
	}
	all := append([]string{"serve", "--config", w.conf, "--data", x.data, "--listen", addr}, args...)
	env = append([]string{harness.TokenEnv + "=" + harness.BotToken, "PALINSESTO_LOG_LEVEL=warn", "PALINSESTO_CLOCK_FILE=" + x.clock,
		"ZONEINFO=" + w.r.zones(), "PALINSESTO_STATE_DIR=" + filepath.Join(w.r.dir, name, "outside"),
		"SSL_CERT_FILE=" + w.authority(), "NO_PROXY=*", "GOTRACEBACK=all"}, env...)
	x.proc = w.r.newProc(name, w.r.o.bin, all, env)
	w.mu.Lock()
	w.rooms = append(w.rooms, x)
	w.mu.Unlock()
	return x, x.start()
}

// all are the processes of the house that there are now.
func (w *world) all() []*room { return w.those(func(*room) bool { return true }) }

func (w *world) those(are func(*room) bool) []*room {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*room
	for _, x := range w.rooms {
		if are(x) {
			out = append(out, x)
		}
	}
	return out
}

// dismiss ends processes for good, as whoever needs fewer copies does.
func (w *world) dismiss(rooms []*room) error {
	w.mu.Lock()
	w.rooms = slices.DeleteFunc(w.rooms, func(x *room) bool { return slices.Contains(rooms, x) })
	w.mu.Unlock()
	var errs []error
	for _, x := range rooms {
		errs = append(errs, x.stop(30*time.Second))
	}
	return errors.Join(errs...)
}

func openOne(_ context.Context, _ *run, w *world) error {
	_, err := w.addRoom("house", nil, nil, true)
	return err
}

// apart are the rooms, the last of the table first: any order will do.
func apart() []string {
	names := house.Names()
	slices.Reverse(names)
	return names
}

const copies = 2

// openRooms starts copy n of every room.
func (w *world) openRooms(n int) ([]*room, error) {
	var out []*room
	for _, name := range apart() {
		env := []string{"PALINSESTO_NATS_USER=" + name, "PALINSESTO_NATS_PASSWORD=" + password(name)}
		x, err := w.addRoom(fmt.Sprintf("%s-%d", name, n), append(slices.Clone(w.flags), name), env, false)
		if err != nil {
			return out, err
		}
		out = append(out, x)
	}
	return out, nil
}

// openShared makes a house of rooms apart on so many NATS servers and one Redis.
func (w *world) openShared(ctx context.Context, r *run, servers int) (url string, err error) {
	if w.redis, err = startRedis(ctx, r); err != nil {
		return "", err
	}
	if url, err = w.startNATS(ctx, servers); err != nil {
		return "", err
	}
	w.flags = []string{"--nats", url, "--redis", w.redis.url(), "--replicas", fmt.Sprint(servers)}
	for n := range copies {
		if _, err := w.openRooms(n + 1); err != nil {
			return "", err
		}
	}
	return url, nil
}

func openApart(ctx context.Context, r *run, w *world) error {
	_, err := w.openShared(ctx, r, 1)
	return err
}

func openCluster(ctx context.Context, r *run, w *world) error {
	url, err := w.openShared(ctx, r, 3)
	if err != nil {
		return err
	}
	return w.replicate(ctx, url)
}

// apis are the processes that answer people.
func (w *world) apis() []*room { return w.those(func(x *room) bool { return x.api }) }

// publishers are the processes that publish.
func (w *world) publishers() []*room { return w.those(func(x *room) bool { return x.pub }) }

// close ends everything; rooms are asked, so that one that cannot stop is noticed.
func (w *world) close() {
	var errs []error
	for _, x := range w.all() {
		errs = append(errs, x.stop(30*time.Second))
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Printf("  at the end: %v\n", err)
	}
	for _, n := range w.nats {
		n.halt()
	}
	if w.redis != nil {
		w.redis.halt()
	}
	if w.network != nil {
		w.network.halt()
	}
	w.closeProxies()
	for _, dir := range append(w.mounts, w.disk) {
		unmount(dir)
	}
	if w.slow != nil {
		if err := w.slow.Close(); err != nil {
			fmt.Printf("  at the end: %v\n", err)
		}
	}
}
