package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A cluster is a PostgreSQL server of the test's own, which it may kill.
type cluster struct {
	t       testing.TB
	bin     string
	folder  string
	address string // host and port
	owner   *syscall.Credential
	server  *exec.Cmd
	ended   chan struct{}
}

// newCluster makes and starts a cluster in a folder that exists; the test is
// skipped where PostgreSQL's programs are missing. What it commits outlives it, as
// long as the machine does.
func newCluster(t testing.TB, folder string) *cluster {
	t.Helper()
	c := &cluster{t: t, bin: postgresPrograms(t), folder: filepath.Join(folder, "data"), address: freeAddress(t)}
	if os.Geteuid() == 0 {
		c.owner = postgresUser(t)
	}
	if err := os.Mkdir(c.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if c.owner != nil {
		if err := errors.Join(os.Chown(c.folder, int(c.owner.Uid), int(c.owner.Gid)), passable(folder)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := c.program("initdb", "-D", c.folder, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.start()
	t.Cleanup(c.kill)
	return c
}

// passable lets another user go through a folder of the test's to what is its
// own in there.
func passable(folder string) error {
	for dir := folder; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}

func postgresPrograms(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path)
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		t.Skip("no PostgreSQL server programs here")
	}
	return filepath.Dir(found[len(found)-1])
}

// postgresUser is who runs PostgreSQL where we are root, which it refuses.
func postgresUser(t testing.TB) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("no user postgres here, and PostgreSQL refuses root")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// program is one of PostgreSQL's.
func (c *cluster) program(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, name), args...)
	command.Dir = c.folder
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner}
	return command
}

// start starts the server and waits until it takes connections, which after a
// crash it does when it has recovered.
func (c *cluster) start() {
	c.t.Helper()
	host, port, err := net.SplitHostPort(c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	server := c.program("postgres", "-D", c.folder, "-h", host, "-p", port, "-k", "", "-c", "max_connections=100", "-c", "fsync=off")
	var output strings.Builder
	server.Stderr = &output
	if err := server.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.server, c.ended = server, ended
	go func() {
		defer close(ended)
		server.Wait() //nolint:errcheck // it is killed
	}()
	eventually(c.t, "PostgreSQL takes connections", func() bool {
		select {
		case <-ended:
			c.t.Fatalf("PostgreSQL ended:\n%s", output.String())
		default:
		}
		return c.answers()
	})
}

// answers reports whether the server takes connections.
func (c *cluster) answers() bool {
	conn, err := pgx.Connect(c.t.Context(), c.url())
	if err != nil {
		return false
	}
	return conn.Close(c.t.Context()) == nil
}

// kill ends the server and all its processes at once, as a power cut does.
func (c *cluster) kill() {
	select {
	case <-c.ended:
		return
	default:
	}
	pid := c.server.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		c.t.Error(err)
	}
	for _, one := range append(strings.Fields(string(children)), strconv.Itoa(pid)) {
		id, err := strconv.Atoi(one)
		if err != nil {
			c.t.Error(err)
			continue
		}
		if err := syscall.Kill(id, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			c.t.Error(err)
		}
	}
	<-c.ended
}

// url is where programs reach the cluster.
func (c *cluster) url() string {
	return fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable&connect_timeout=30", c.address)
}

// A disk is a small file system of its own that can be filled.
type disk struct {
	t      testing.TB
	folder string
}

// newDisk mounts a file system of so many bytes; only root may.
func newDisk(t testing.TB, size int) *disk {
	t.Helper()
	d := &disk{t, t.TempDir()}
	if err := syscall.Mount("tmpfs", d.folder, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skip("no right to mount a file system here")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fill takes all room that is left.
func (d *disk) fill() {
	d.t.Helper()
	ballast, err := os.Create(filepath.Join(d.folder, "ballast"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer ballast.Close()
	block := make([]byte, 4096)
	for {
		if _, err := ballast.Write(block); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// free gives the room back.
func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.folder, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}
