/* SPDX-License-Identifier: MIT */
/*
 * delay_fs [-d US] [-k] [-t THREADS] DIRECTORY MOUNTPOINT: a file system that passes everything on
 * to a directory, after a delay (1,000 us unless told otherwise), as a server far away would. It
 * returns once it is mounted; `fusermount3 -u MOUNTPOINT` or umount(8) ends it. Status 77: there is
 * no FUSE here.
 *
 * Delayed is each request that the kernel sends for one of the functions below: looking up one
 * name, attributes, opening, reading, writing, flushing at close(2), closing, reading directory
 * entries, making, removing, renaming. Up to THREADS requests (256) wait at the same time.
 *
 * The kernel sees a usual file system: names and attributes are valid for a second, a name that
 * does not exist is asked for again each time, a page of a file is kept until the file is opened
 * again (-k: and after that), reads are made ahead, writes are not held back. Reading a directory
 * does not give attributes. There are no extended attributes.
 */
#define FUSE_USE_VERSION 312

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int root;
static unsigned delay_us = 1000, thread_count = 256;
static bool keep_cache;

static void wait_for_server(void)
{
    struct timespec rest = {.tv_sec = delay_us / 1000000, .tv_nsec = delay_us % 1000000 * 1000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}

/* A path as the kernel gives it, from the root of the file system, relative to the directory. */
static const char *below(const char *path)
{
    return path[1] == '\0' ? "." : path + 1;
}

static int result_of(int64_t returned)
{
    return returned < 0 ? -errno : (int)returned;
}

/* ---- Names ---- */

static int delay_getattr(const char *path, struct stat *stat, struct fuse_file_info *file)
{
    wait_for_server();
    if (file != NULL)
        return result_of(fstat((int)file->fh, stat));
    return result_of(fstatat(root, below(path), stat, AT_SYMLINK_NOFOLLOW));
}

static int delay_readlink(const char *path, char *target, size_t size)
{
    wait_for_server();
    ssize_t length = readlinkat(root, below(path), target, size - 1);
    if (length < 0)
        return -errno;
    target[length] = '\0';
    return 0;
}

static int delay_mknod(const char *path, mode_t mode, dev_t device)
{
    wait_for_server();
    return result_of(mknodat(root, below(path), mode, device));
}

static int delay_mkdir(const char *path, mode_t mode)
{
    wait_for_server();
    return result_of(mkdirat(root, below(path), mode));
}

static int delay_unlink(const char *path)
{
    wait_for_server();
    return result_of(unlinkat(root, below(path), 0));
}

static int delay_rmdir(const char *path)
{
    wait_for_server();
    return result_of(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int delay_symlink(const char *target, const char *path)
{
    wait_for_server();
    return result_of(symlinkat(target, root, below(path)));
}

static int delay_rename(const char *from, const char *to, unsigned flags)
{
    wait_for_server();
    return result_of(renameat2(root, below(from), root, below(to), flags));
}

static int delay_link(const char *from, const char *to)
{
    wait_for_server();
    return result_of(linkat(root, below(from), root, below(to), 0));
}

static int delay_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
    wait_for_server();
    if (file != NULL)
        return result_of(fchmod((int)file->fh, mode));
    return result_of(fchmodat(root, below(path), mode, 0));
}

static int delay_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *file)
{
    (void)file;
    wait_for_server();
    return result_of(fchownat(root, below(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int delay_utimens(const char *path, const struct timespec times[2],
                         struct fuse_file_info *file)
{
    wait_for_server();
    if (file != NULL)
        return result_of(futimens((int)file->fh, times));
    return result_of(utimensat(root, below(path), times, AT_SYMLINK_NOFOLLOW));
}

/* ---- Files ---- */

static int delay_open(const char *path, struct fuse_file_info *file)
{
    wait_for_server();
    int fd = openat(root, below(path), file->flags & ~O_NOFOLLOW);
    file->fh = (uint64_t)fd;
    return fd < 0 ? -errno : 0;
}

static int delay_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
    wait_for_server();
    int fd = openat(root, below(path), file->flags | O_CREAT, mode);
    file->fh = (uint64_t)fd;
    return fd < 0 ? -errno : 0;
}

static int delay_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
    wait_for_server();
    if (file != NULL)
        return result_of(ftruncate((int)file->fh, size));
    int fd = openat(root, below(path), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = result_of(ftruncate(fd, size));
    close(fd);
    return error;
}

static int delay_read(const char *path, char *data, size_t size, off_t offset,
                      struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    return result_of(pread((int)file->fh, data, size, offset));
}

static int delay_write(const char *path, const char *data, size_t size, off_t offset,
                       struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    return result_of(pwrite((int)file->fh, data, size, offset));
}

static int delay_fallocate(const char *path, int mode, off_t offset, off_t length,
                           struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    return result_of(fallocate((int)file->fh, mode, offset, length));
}

static off_t delay_lseek(const char *path, off_t offset, int whence, struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    off_t position = lseek((int)file->fh, offset, whence);
    return position < 0 ? -errno : position;
}

static int delay_fsync(const char *path, int data_only, struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    return result_of(data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int delay_flush(const char *path, struct fuse_file_info *file)
{
    (void)path;
    (void)file;
    wait_for_server();
    return 0;
}

static int delay_release(const char *path, struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    close((int)file->fh);
    return 0;
}

/* ---- Directories ---- */

static int delay_opendir(const char *path, struct fuse_file_info *file)
{
    wait_for_server();
    int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    file->fh = (uint64_t)(uintptr_t)directory;
    return 0;
}

static int delay_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                         struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
    DIR *directory = (DIR *)(uintptr_t)file->fh;
    (void)path;
    (void)flags;
    wait_for_server();
    seekdir(directory, offset);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return -errno;
        struct stat stat = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        if (fill(buffer, entry->d_name, &stat, entry->d_off, 0) != 0)
            return 0;
    }
}

static int delay_releasedir(const char *path, struct fuse_file_info *file)
{
    (void)path;
    wait_for_server();
    closedir((DIR *)(uintptr_t)file->fh);
    return 0;
}

static int delay_statfs(const char *path, struct statvfs *statvfs)
{
    (void)path;
    wait_for_server();
    return result_of(fstatvfs(root, statvfs));
}

/* libfuse answers the kernel through this. Versions before 3.17 leave out of the first answer that
 * names may be looked up in one directory at the same time, and the kernel would do one after the
 * other. */
__attribute__((visibility("default"))) ssize_t writev(int fd, const struct iovec *vector, int count)
{
    static bool answered;
    if (!answered && count == 2 && vector[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE) {
        struct fuse_init_out *init = vector[1].iov_base;
        answered = true;
        init->flags |= FUSE_PARALLEL_DIROPS;
    }
    return syscall(SYS_writev, fd, vector, count);
}

static void *delay_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    config->use_ino = 1;
    config->nullpath_ok = 1;
    config->kernel_cache = keep_cache;
    connection->want &= ~(unsigned)FUSE_CAP_READDIRPLUS;
    /* As many reads ahead in flight as other requests. */
    connection->max_background = thread_count;
    connection->congestion_threshold = thread_count;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = delay_init,
    .getattr = delay_getattr,
    .readlink = delay_readlink,
    .mknod = delay_mknod,
    .mkdir = delay_mkdir,
    .unlink = delay_unlink,
    .rmdir = delay_rmdir,
    .symlink = delay_symlink,
    .rename = delay_rename,
    .link = delay_link,
    .chmod = delay_chmod,
    .chown = delay_chown,
    .utimens = delay_utimens,
    .open = delay_open,
    .create = delay_create,
    .truncate = delay_truncate,
    .read = delay_read,
    .write = delay_write,
    .fallocate = delay_fallocate,
    .lseek = delay_lseek,
    .fsync = delay_fsync,
    .flush = delay_flush,
    .release = delay_release,
    .opendir = delay_opendir,
    .readdir = delay_readdir,
    .releasedir = delay_releasedir,
    .statfs = delay_statfs,
};

/* ---- The program ---- */

static int serve(const char *mountpoint)
{
    char name[] = "delay_fs", options[] = "-ofsname=delay_fs,default_permissions";
    char *arguments[] = {name, options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, arguments);
    struct fuse *fuse = fuse_new(&args, &operations, sizeof(operations), NULL);
    if (fuse == NULL)
        return 1;
    if (fuse_mount(fuse, mountpoint) != 0)
        return 77;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, thread_count);
    fuse_loop_cfg_set_idle_threads(config, thread_count);
    /* The parent ends here. */
    int status = fuse_daemonize(0) != 0;
    if (status == 0 && fuse_set_signal_handlers(fuse_get_session(fuse)) == 0) {
        status = fuse_loop_mt(fuse, config) != 0;
        fuse_remove_signal_handlers(fuse_get_session(fuse));
    }
    fuse_loop_cfg_destroy(config);
    fuse_unmount(fuse);
    fuse_destroy(fuse);
    return status;
}

/* A number from 1 (0 for the delay) to a million; ends the program otherwise. */
static unsigned number_of(const char *text, unsigned least)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number < least || number > 1000000) {
        fprintf(stderr, "delay_fs: invalid number: %s\n", text);
        exit(2);
    }
    return (unsigned)number;
}

int main(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "d:kt:")) != -1) {
        if (option == 'd')
            delay_us = number_of(optarg, 0);
        else if (option == 'k')
            keep_cache = true;
        else if (option == 't')
            thread_count = number_of(optarg, 1);
        else
            return 2;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: delay_fs [-d US] [-k] [-t THREADS] DIRECTORY MOUNTPOINT\n");
        return 2;
    }
    if (access("/dev/fuse", R_OK | W_OK) != 0) {
        fprintf(stderr, "delay_fs: /dev/fuse: %s\n", strerror(errno));
        return 77;
    }
    root = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        fprintf(stderr, "delay_fs: %s: %s\n", argv[optind], strerror(errno));
        return 1;
    }
    umask(0);
    return serve(argv[optind + 1]);
}
