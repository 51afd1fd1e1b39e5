// Package testenv builds and starts real servers for tests, benchmarks and the demo: privately, on free ports and in
// directories of their own, so that they can be killed and started again at any moment.
//
// Besides the drive itself (Start) these are MariaDB, Redis, RabbitMQ and Ceph from Debian's packages (StartMariaDB, StartRedis,
// StartRedisCluster, StartRabbit, StartCeph). Each has the methods of Control, as a whole and for each of its processes, and
// Close. A server never takes the port, the files or the user of one that runs already, and any number of sets runs side by side.
//
// Nothing is left behind. Close kills and removes; where the program that started a server dies without calling it, the kernel
// kills the server with it, and a shell that waits for just that kills what is left and removes the folder (on Linux).
//
// The command with, in the folder below, runs go test with one set of servers that all packages share; see Share. What tests are
// to have besides servers it only installs: for the page Chromium, Firefox, WebKitGTK's little browser with the screen that is
// nowhere (Xvfb) that it wants, and Node; for what README says curl, OpenSSL and nginx; and a C compiler for the race detector.
//
// It knows processes and nothing of the drive's packages.
package testenv
