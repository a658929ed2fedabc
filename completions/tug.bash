# SPDX-License-Identifier: MIT
# Completion of `tug` for bash.

# Of `tug bench`; uses the variables of _tug().
_tug_bench()
{
    case $cur in
    --cache=*)
        mapfile -t COMPREPLY < <(compgen -W 'warm cold both' -- "${cur#*=}")
        ;;
    --json=* | --output=*)
        cur=${cur#*=}
        _filedir
        ;;
    --only=*)
        mapfile -t COMPREPLY < <(compgen -W 'copy-files copy-deep copy-many copy-large walk reads
            move-within move-across delete' -- "${cur#*=}")
        ;;
    --other=* | --plots=*)
        cur=${cur#*=}
        _filedir -d
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W '--cache= --json= --large= --list --only= -o --output= --other=
            --plots= --rounds= --scale= --help --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        if [[ $prev == -o ]]; then _filedir; else _filedir -d; fi
        ;;
    esac
}

# Of `tug cmp`; uses the variables of _tug().
_tug_cmp()
{
    case $cur in
    --metadata=*)
        mapfile -t COMPREPLY < <(compgen -W 'mode ownership timestamps xattr links all' -- "${cur#*=}")
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W '--first -j --jobs= -L --dereference --metadata= --no-content
            -P --no-dereference -q --brief -r --recursive -s --silent --quiet --summary --help
            --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        _filedir
        ;;
    esac
}

# Of `tug mv`; uses the variables of _tug().
_tug_mv()
{
    case $prev in
    -j | --jobs)
        mapfile -t COMPREPLY < <(compgen -W "1 2 4 8 16 $(nproc 2>/dev/null)" -- "$cur")
        return
        ;;
    -t | --target-directory)
        _filedir -d
        return
        ;;
    -S | --suffix)
        return
        ;;
    esac
    case $cur in
    --backup=*)
        mapfile -t COMPREPLY < <(compgen -W 'none off numbered t existing nil simple never' -- "${cur#*=}")
        ;;
    --update=*)
        mapfile -t COMPREPLY < <(compgen -W 'all older none none-fail' -- "${cur#*=}")
        ;;
    --target-directory=*)
        cur=${cur#*=}
        _filedir -d
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W '-b --backup --backup= --exchange --fail-fast -f --force --fsync
            -i --interactive -j --jobs= -n --no-clobber --no-copy --strip-trailing-slashes
            -S --suffix= -t --target-directory= -T --no-target-directory -u --update --update=
            -v --verbose --verify --help --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        _filedir
        ;;
    esac
}

# Of `tug rm`; uses the variables of _tug().
_tug_rm()
{
    case $prev in
    -j | --jobs)
        mapfile -t COMPREPLY < <(compgen -W "1 2 4 8 16 $(nproc 2>/dev/null)" -- "$cur")
        return
        ;;
    esac
    case $cur in
    --files0-from=*)
        cur=${cur#*=}
        _filedir
        ;;
    --interactive=*)
        mapfile -t COMPREPLY < <(compgen -W 'never once always' -- "${cur#*=}")
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W '-d --dir --fail-fast -f --force --files0-from= -i -I --interactive
            --interactive= -j --jobs= -R -r --recursive -v --verbose -x --one-file-system
            --preserve-root --preserve-root=all --no-preserve-root --help --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        _filedir
        ;;
    esac
}

_tug()
{
    local cur prev words cword
    _init_completion -n = || return

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'bench cmp cp mv rm --help --version' -- "$cur")
        return
    fi
    if [[ ${words[1]} == bench ]]; then
        _tug_bench
        return
    fi
    if [[ ${words[1]} == cmp ]]; then
        _tug_cmp
        return
    fi
    if [[ ${words[1]} == mv ]]; then
        _tug_mv
        return
    fi
    if [[ ${words[1]} == rm ]]; then
        _tug_rm
        return
    fi
    [[ ${words[1]} == cp ]] || return

    case $prev in
    -j | --jobs)
        mapfile -t COMPREPLY < <(compgen -W "1 2 4 8 16 $(nproc 2>/dev/null)" -- "$cur")
        return
        ;;
    -t | --target-directory)
        _filedir -d
        return
        ;;
    esac
    case $cur in
    --target-directory=*)
        cur=${cur#*=}
        _filedir -d
        ;;
    --preserve=* | --no-preserve=*)
        mapfile -t COMPREPLY < <(compgen -W 'mode timestamps ownership links context xattr
            all' -- "${cur#*=}")
        ;;
    --update=*)
        mapfile -t COMPREPLY < <(compgen -W 'all none none-fail older' -- "${cur#*=}")
        ;;
    --backup=*)
        mapfile -t COMPREPLY < <(compgen -W 'none numbered existing simple' -- "${cur#*=}")
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W '-a --archive --attributes-only -b --backup --backup=
            --checksum --copy-contents -d -f --force -H -i --interactive -j --jobs= -l --link -L --dereference
            -n --no-clobber --no-preserve= -p --parents -P --no-dereference --preserve --preserve=
            --debug --fail-fast --reflink= --remove-destination -R -r --recursive --resume --resume=
            -s --sparse= --symbolic-link --strip-trailing-slashes
            -S --suffix= -t --target-directory= -T --no-target-directory -u --update --update=
            -v --verbose --verify -x --one-file-system --help --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        _filedir
        ;;
    esac
}
complete -F _tug tug
