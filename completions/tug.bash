# SPDX-License-Identifier: MIT
# Completion of `tug` for bash.

_tug()
{
    local cur prev words cword
    _init_completion -n = || return

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'cp --help --version' -- "$cur")
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
    -*)
        mapfile -t COMPREPLY < <(compgen -W '-f --force -H -j --jobs= -L --dereference
            -n --no-clobber -P --no-dereference -R -r --recursive -t --target-directory=
            -T --no-target-directory -v --verbose --verify --help --version' -- "$cur")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        ;;
    *)
        _filedir
        ;;
    esac
}
complete -F _tug tug
