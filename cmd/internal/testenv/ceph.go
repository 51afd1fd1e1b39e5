package testenv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// The only user of a Ceph, who may make any number of buckets.
const (
	cephAccess = "testaccess"
	cephSecret = "testsecret"
)

// A Ceph is an object store behind radosgw, which speaks S3 over HTTP and over TLS. A server that is killed keeps what it
// has acknowledged, but for the OSD of a Ceph in memory, which forgets everything: there only the gateway can be killed
// to any purpose.
type Ceph struct {
	*Servers
	Monitor, OSD, Gateway *Process
	TLSAddr               string // the gateway's, over TLS
	CAFile                string // the certificate that signed the gateway's
	AccessKey, SecretKey  string
}

// StartCeph starts an object store that keeps its objects in memory, up to 16 GiB of them, in a folder of its own below dir
// (empty: where temporary files are kept).
func StartCeph(ctx context.Context, dir string) (*Ceph, error) {
	return startCeph(ctx, dir, "memstore")
}

// StartCephOnDisk starts one that keeps them in a sparse file, which takes some seconds longer.
func StartCephOnDisk(ctx context.Context, dir string) (*Ceph, error) {
	return startCeph(ctx, dir, "bluestore")
}

func startCeph(ctx context.Context, dir, store string) (*Ceph, error) {
	if err := Need(ForS3); err != nil {
		return nil, err
	}
	s, err := newServers(dir, "ceph")
	if err != nil {
		return nil, err
	}
	c := &Ceph{Servers: s, CAFile: s.path("ca.pem"), AccessKey: cephAccess, SecretKey: cephSecret}
	if err := s.closeOn(c.start(ctx, store)); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Ceph) start(ctx context.Context, store string) error {
	conf, err := c.configure(store)
	if err != nil {
		return err
	}
	if err := certify(c.CAFile, c.path("server.pem"), c.path("server.key")); err != nil {
		return err
	}
	if err := c.monitor(ctx, conf); err != nil {
		return err
	}
	if err := c.osd(ctx); err != nil {
		return err
	}
	return c.gateway(ctx, conf)
}

func (c *Ceph) configure(store string) (cephConf, error) {
	port, err := c.ports.take(20)
	if err != nil {
		return cephConf{}, err
	}
	conf := cephConf{
		Dir: c.folder.Path, FSID: cephFSID, Store: store,
		Monitor: port, HTTP: port + 1, TLS: port + 2, OSDFirst: port + 3, OSDLast: port + 19,
	}
	text, err := conf.text()
	if err != nil {
		return conf, err
	}
	if err := os.WriteFile(c.path("ceph.conf"), text, 0o600); err != nil {
		return conf, fmt.Errorf("testenv: %w", err)
	}
	for _, name := range []string{"rgw", "crash", "osd"} {
		if err := os.Mkdir(c.path(name), 0o700); err != nil {
			return conf, fmt.Errorf("testenv: %w", err)
		}
	}
	return conf, nil
}

// env names the configuration for all of Ceph's programs.
func (c *Ceph) env() []string { return c.folder.Env("CEPH_CONF="+c.path("ceph.conf"), "CEPH_ARGS=") }

// ceph runs one of Ceph's programs to its end. Some wait for ever when something is wrong.
func (c *Ceph) ceph(ctx context.Context, stdin, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Env, cmd.Stdin = c.env(), strings.NewReader(stdin)
	_, err := c.tool(ctx, cmd)
	return err
}

func (c *Ceph) monitor(ctx context.Context, conf cephConf) error {
	err := c.ceph(ctx, "", "monmaptool", "--create", "--fsid", conf.FSID, "--addv", "a",
		fmt.Sprintf("[v2:127.0.0.1:%d]", conf.Monitor), c.path("monmap"))
	if err != nil {
		return err
	}
	if err := c.ceph(ctx, "", "ceph-mon", "-i", "a", "--mkfs", "--monmap", c.path("monmap")); err != nil {
		return err
	}
	addr := local(conf.Monitor)
	c.Monitor = c.add(&Process{
		Name: "ceph-mon", Addr: addr, env: c.env(), argv: []string{program("ceph-mon"), "-i", "a", "-f"},
		ready: func(ctx context.Context) error {
			_, err := exchange(ctx, addr, "", len("ceph v2"))
			return err
		},
	})
	return c.Monitor.Start(ctx)
}

const (
	cephFSID = "5ce9f000-0000-4000-8000-000000000001"
	cephOSD  = "5ce9f000-0000-4000-8000-000000000002"
)

// osd makes the pools as well: radosgw would make each at its first use, which takes it seconds.
func (c *Ceph) osd(ctx context.Context) error {
	var orders strings.Builder
	fmt.Fprintf(&orders, "osd new %s 0\n", cephOSD)
	for _, pool := range []string{"log", "control", "meta", "buckets.index", "buckets.data", "buckets.non-ec"} {
		fmt.Fprintf(&orders, "osd pool create default.rgw.%s 8\nosd pool application enable default.rgw.%[1]s rgw\n", pool)
	}
	fmt.Fprint(&orders, "osd pool create .rgw.root 8\nosd pool application enable .rgw.root rgw\n")
	if err := c.ceph(ctx, orders.String(), "ceph"); err != nil {
		return err
	}
	if err := c.ceph(ctx, "", "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", cephOSD); err != nil {
		return err
	}
	c.OSD = c.add(&Process{
		Name: "ceph-osd", env: c.env(), argv: []string{program("ceph-osd"), "-i", "0", "-f"}, ready: c.booted,
	})
	return c.OSD.Start(ctx)
}

// booted tells whether the monitor has taken the OSD in since it last started. A gateway that comes earlier waits for long.
func (c *Ceph) booted(context.Context) error {
	log, err := os.ReadFile(c.path("osd.0.log"))
	if err != nil {
		return err
	}
	_, run, _ := strings.Cut(string(log), fmt.Sprintf("process ceph-osd, pid %d\n", c.OSD.run.pid))
	if !strings.Contains(run, "booting -> active") {
		return errors.New("the monitor has not taken it in")
	}
	return nil
}

func (c *Ceph) gateway(ctx context.Context, conf cephConf) error {
	err := c.ceph(ctx, "", "radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
		"--access-key="+c.AccessKey, "--secret-key="+c.SecretKey, "--max-buckets=0")
	if err != nil {
		return err
	}
	c.TLSAddr = local(conf.TLS)
	c.Gateway = c.add(&Process{
		Name: "radosgw", Addr: local(conf.HTTP), env: c.env(),
		argv: []string{program("radosgw"), "-n", "client.rgw", "-f"}, ready: c.answers, hasty: true,
	})
	return c.Gateway.Start(ctx)
}

// answers asks for the buckets of nobody, of whom there are none, by both ways.
func (c *Ceph) answers(ctx context.Context) error {
	ca, err := os.ReadFile(c.CAFile)
	if err != nil {
		return err
	}
	client := trusting(ca)
	defer client.CloseIdleConnections()
	for _, url := range []string{"http://" + c.Gateway.Addr, "https://" + c.TLSAddr} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
	}
	return nil
}

// trusting returns a client for servers that an authority has certified.
func trusting(ca []byte) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// URL returns the endpoint over HTTP, with the keys as user and password.
func (c *Ceph) URL() string {
	return "http://" + c.AccessKey + ":" + c.SecretKey + "@" + c.Gateway.Addr
}

// TLSURL returns the endpoint over TLS likewise. CAFile has the certificate to trust.
func (c *Ceph) TLSURL() string { return "https://" + c.AccessKey + ":" + c.SecretKey + "@" + c.TLSAddr }
