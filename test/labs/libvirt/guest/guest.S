# The guest of the lab: one boot sector that does what one letter on its serial port tells it, after it has echoed it.
#   n  nothing        p  panic (pvpanic)            w  arm the i6300esb watchdog, 2 s, and let it run out
#   o  power off      d  write to the second disk until that fails; then E
# The power button is obeyed, so that an orderly shutdown works.
# Ports: 16550 UART at 0x3f8; PIIX4 PM1a at 0x600 (status, enable, control); pvpanic at 0x505; PCI at 0xcf8.

        .code16
        .globl  _start
        .set    COM, 0x3f8
        .set    LINE_STATUS, 0x3fd
        .set    PM_STATUS, 0x600
        .set    PM_ENABLE, 0x602
        .set    PM_CONTROL, 0x604
        .set    POWER_BUTTON, 0x100

_start: ljmp    $0, $begin
begin:  cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movw    $PM_ENABLE, %dx
        movw    $POWER_BUTTON, %ax
        outw    %ax, %dx

# Awake 18 times a second, by the timer of the BIOS.
idle:   movw    $PM_STATUS, %dx
        inw     %dx, %ax
        testw   $POWER_BUTTON, %ax
        jnz     off
        movw    $LINE_STATUS, %dx
        inb     %dx, %al
        testb   $1, %al
        jnz     letter
        sti
        hlt
        cli
        jmp     idle

letter: movw    $COM, %dx
        inb     %dx, %al
        call    say
        cmpb    $'p', %al
        je      panic
        cmpb    $'w', %al
        je      watch
        cmpb    $'o', %al
        je      off
        cmpb    $'d', %al
        je      disk
        jmp     idle

panic:  movw    $0x505, %dx
        movb    $1, %al
        outb    %al, %dx
        jmp     idle

# Soft-off: sleep type 0 with sleep enabled.
off:    movw    $PM_CONTROL, %dx
        movw    $0x2000, %ax
        outw    %ax, %dx
        jmp     idle

# The watchdog is the device 8086:25ab of bus 0; %edi is the address of its configuration.
watch:  movl    $0x80000000, %edi
probe:  movl    %edi, %eax
        call    select
        inl     %dx, %eax
        cmpl    $0x25ab8086, %eax
        je      arm
        addl    $0x800, %edi
        cmpl    $0x80010000, %edi
        jb      probe
        jmp     idle
arm:    leal    0x60(%edi), %eax
        call    select
        movw    $4, %ax                 # ticks of 1 us, and act when it has run out twice
        outw    %ax, %dx
        leal    0x68(%edi), %eax
        call    select
        movb    $2, %al                 # on
        outb    %al, %dx
        jmp     idle

# Selects the register in %eax; leaves its port in %dx.
select: movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        ret

disk:   sti
        movw    $packet, %si
        movw    $0x4300, %ax            # extended write
        movb    $0x81, %dl
        int     $0x13
        jc      failed
        addl    $64, sector
        jmp     disk
failed: cli
        movb    $'E', %al
        call    say
        jmp     idle

say:    pushw   %ax
wait:   movw    $LINE_STATUS, %dx
        inb     %dx, %al
        testb   $0x20, %al
        jz      wait
        popw    %ax
        movw    $COM, %dx
        outb    %al, %dx
        ret

packet: .byte   16, 0
        .word   64                      # sectors
        .word   0x8000, 0               # from this address
sector: .long   0, 0

        .org    510
        .word   0xaa55
