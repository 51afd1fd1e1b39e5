package testenv

import (
	"bytes"
	"fmt"
	"text/template"
)

// A cephConf is what differs between one configuration of Ceph and another.
type cephConf struct {
	Dir, FSID, Store  string
	Monitor           int // ports
	HTTP, TLS         int
	OSDFirst, OSDLast int
}

func (c cephConf) text() ([]byte, error) {
	var b bytes.Buffer
	if err := cephTemplate.Execute(&b, c); err != nil {
		return nil, fmt.Errorf("testenv: ceph.conf: %w", err)
	}
	return b.Bytes(), nil
}

// Without authentication ms_mon_client_mode must not be "secure", radosgw's default, which hangs it for minutes. Small reads
// take 40 ms without tcp_nodelay. The monitor would stop on a disk that is 95 % full. There is no manager: S3 needs none.
var cephTemplate = template.Must(template.New("ceph.conf").Parse(`[global]
fsid = {{.FSID}}
mon_host = [v2:127.0.0.1:{{.Monitor}}]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
ms_bind_port_min = {{.OSDFirst}}
ms_bind_port_max = {{.OSDLast}}
ms_mon_client_mode = crc
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
log_to_stderr = false
log_file = {{.Dir}}/$name.log
admin_socket =
run_dir = {{.Dir}}
crash_dir = {{.Dir}}/crash
keyring = {{.Dir}}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
[mon]
mon_data = {{.Dir}}/mon
mon_cluster_log_file = {{.Dir}}/cluster.log
mon_data_avail_warn = 2
mon_data_avail_crit = 1
paxos_propose_interval = 0.05
[osd]
osd_data = {{.Dir}}/osd
osd_objectstore = {{.Store}}
bluestore_block_size = 68719476736
bluestore_cache_autotune = false
bluestore_cache_size = 134217728
memstore_device_bytes = 17179869184
[client]
rgw_data = {{.Dir}}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{{.HTTP}} ssl_endpoint=127.0.0.1:{{.TLS}} ssl_certificate={{.Dir}}/server.pem ssl_private_key={{.Dir}}/server.key tcp_nodelay=1
rgw_thread_pool_size = 128
debug_rgw = 0
rgw_gc_obj_min_wait = 60
rgw_gc_processor_period = 60
`))
