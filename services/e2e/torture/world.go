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
	"time"

	"github.com/palinsesto/palinsesto/services/internal/house"
)

// worldKind is a way to run the house.
type worldKind struct {
	name string
	what string
	open func(ctx context.Context, r *run, w *world) error
}

func worldKinds() []worldKind {
	return []worldKind{
		{"one", "all rooms in one process, NATS and index embedded", openOne},
		{"apart", "every room twice as a process of its own, one NATS server, one Redis", openApart},
		{"cluster", "every room twice, three NATS servers with three replicas, one Redis", openCluster},
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
	rooms   []*room
	nats    []*proc
	links   *links // between the servers of a cluster
	redis   *redisServer
	network *proc
	plain   *proxy // between the house and the sandbox
	tls     *proxy
	hosts   string // the file over /etc/hosts, empty where there is none
	disk    string // the small file system of the log, empty where there is none
	control string // address of the sandbox itself, for its faults
	admin   string // token of the administrator
}

// room is one process of the house.
type room struct {
	*proc
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
	hostName      = "rete.torture.test"
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
	y.WriteString("organisation:\n  name: Tortura\ncentres:\n")
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
			channelID(i), username(i), base, tokenEnv)
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
	x := &room{addr: addr, data: filepath.Join(w.r.dir, name, "data"), clock: filepath.Join(w.r.dir, name, "clock"),
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
	env = append([]string{tokenEnv + "=" + botToken, "PALINSESTO_LOG_LEVEL=warn", "PALINSESTO_CLOCK_FILE=" + x.clock,
		"SSL_CERT_FILE=" + w.authority(), "NO_PROXY=*", "GOTRACEBACK=all"}, env...)
	x.proc = w.r.newProc(name, w.r.o.bin, all, env)
	w.rooms = append(w.rooms, x)
	return x, x.start()
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

func (w *world) openRooms(natsURL string, more ...string) error {
	for n := range copies {
		for _, name := range apart() {
			args := append([]string{"--nats", natsURL, "--redis", w.redis.url(), name}, more...)
			env := []string{"PALINSESTO_NATS_USER=" + name, "PALINSESTO_NATS_PASSWORD=" + password(name)}
			if _, err := w.addRoom(fmt.Sprintf("%s-%d", name, n+1), args, env, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func openApart(ctx context.Context, r *run, w *world) (err error) {
	if w.redis, err = startRedis(ctx, r); err != nil {
		return err
	}
	url, err := w.startNATS(ctx, 1)
	if err != nil {
		return err
	}
	return w.openRooms(url)
}

func openCluster(ctx context.Context, r *run, w *world) (err error) {
	if w.redis, err = startRedis(ctx, r); err != nil {
		return err
	}
	url, err := w.startNATS(ctx, 3)
	if err != nil {
		return err
	}
	if err := w.openRooms(url, "--replicas", "3"); err != nil {
		return err
	}
	return w.replicate(ctx, url)
}

// apis are the processes that answer people.
func (w *world) apis() []*room {
	var out []*room
	for _, x := range w.rooms {
		if x.api {
			out = append(out, x)
		}
	}
	return out
}

// publishers are the processes that publish.
func (w *world) publishers() []*room {
	var out []*room
	for _, x := range w.rooms {
		if x.pub {
			out = append(out, x)
		}
	}
	return out
}

// close ends everything; rooms are asked, so that one that cannot stop is noticed.
func (w *world) close() {
	var errs []error
	for _, x := range w.rooms {
		if x.proc != nil {
			errs = append(errs, x.stop(30*time.Second))
		}
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
	unmount(w.disk)
}
